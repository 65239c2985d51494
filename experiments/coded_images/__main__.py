"""``python -m experiments.coded_images run NAME …`` and ``report``: the data track."""

from __future__ import annotations

import argparse
from functools import partial

from experiments.coded_images.cells import found, run_cell, runs_dir
from experiments.coded_images.grids import experiments, read_experiment
from experiments.coded_images.report import report, report_verdicts
from experiments.coded_images.rows import TRACK
from experiments.console import say, short_errors
from experiments.report.command import add_report, add_run, suffix_of
from experiments.track.sweep import run_cells


def main() -> None:
    """Exit code 0; 1 where a cell failed; 2 after one line on bad input."""
    arguments = _parser().parse_args()
    with short_errors("coded_images"):
        if arguments.command == "run":
            for name in arguments.experiment:
                cells, machine = read_experiment(name, arguments.set)
                run_cells(name, cells, partial(run_cell, machine=machine), runs_dir(machine), found)
        else:
            _report(arguments)


def _report(arguments: argparse.Namespace) -> None:
    """The verdicts are of every experiment with results, whichever are named."""
    results, suffix = arguments.results, suffix_of(arguments)
    there = TRACK.known(results, experiments(), suffix)
    names = arguments.experiment or there
    if not names:
        say("no coded images to report yet: python -m experiments.coded_images run NAME")
        return
    for name in names:
        text, paths = report(name, results)
        say("\n".join([*([] if arguments.paths else [text, ""]), *map(str, paths)]))
    say(report_verdicts(there or names, results, suffix))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m experiments.coded_images", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add_run(
        commands, "measure what is missing", experiments(), "data_dir=PATH, results_dir=PATH, …"
    )
    add_report(commands)
    return parser


if __name__ == "__main__":
    main()
