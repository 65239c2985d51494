"""``python -m experiments.coded_images run NAME …`` and ``report``: the data track."""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.coded_images.grids import experiments, read_experiment
from experiments.coded_images.sweep import run_experiment
from experiments.console import say, short_errors


def main() -> None:
    """Exit code 0; 1 where a cell failed; 2 after one line on bad input."""
    arguments = _parser().parse_args()
    with short_errors("coded_images"):
        if arguments.command == "run":
            for name in arguments.experiment:
                run_experiment(name, *read_experiment(name, arguments.set))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m experiments.coded_images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure what is missing")
    run.add_argument("experiment", nargs="+", help=", ".join(experiments()))
    run.add_argument("--set", nargs="*", default=[], help="data_dir=PATH, results_dir=PATH, …")
    return parser


if __name__ == "__main__":
    main()
