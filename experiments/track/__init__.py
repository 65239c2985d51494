"""What small harnesses beside the benchmark share: settled cells, sweeps, grids."""
