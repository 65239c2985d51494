"""Systems that keep every neuron and store a layer in fewer bits: formats, patterns, grids."""
