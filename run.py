"""One cell of the benchmark, or a sweep of them: ``python run.py --help``."""

import os
import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

from experiments.console import short_errors

# Where Hydra finds the sweeper and the launcher that conf/ names.
sys.path.append(str(Path(__file__).parent / "experiments" / "plugins"))


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def run(config: DictConfig) -> None:
    """Run the cell that ``config`` describes."""
    with short_errors():
        from experiments.command import cell_command  # noqa: PLC0415  (torch: not for --help)

        cell_command(config)


if __name__ == "__main__":
    # Hydra prints its errors over many lines and exits with 1; told not to, it raises them.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    with short_errors():
        run()
