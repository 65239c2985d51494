"""One cell of the benchmark, or a sweep of them: ``python run.py --help``."""

import os
import sys
from pathlib import Path

import hydra
from omegaconf import DictConfig

from experiments.console import short_errors
from experiments.torchrun import size_started

# Where Hydra finds the sweeper and the launcher that conf/ names.
sys.path.append(str(Path(__file__).parent / "experiments" / "plugins"))


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def run(config: DictConfig) -> None:
    """Run the cell that ``config`` describes."""
    with short_errors():
        from experiments.command import cell_command  # noqa: PLC0415  (torch: not for --help)

        cell_command(config)


def main() -> None:
    """Run it in this process, or in all those that torchrun has started."""
    if size_started() == 1:
        run()
        return
    from experiments.ddp import run_together  # noqa: PLC0415  (torch: not for --help)

    run_together(run)


if __name__ == "__main__":
    # Hydra prints its errors over many lines and exits with 1; told not to, it raises them.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    with short_errors():
        main()
