"""``python -m experiments.relatives run NAME …`` and ``report``: accuracy against bytes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial

from experiments.check.composing import machine_of
from experiments.console import say, short_errors
from experiments.relatives.cells import found, run_cell, runs_dir
from experiments.relatives.grids import experiments, read_experiment
from experiments.relatives.report import report, report_verdicts
from experiments.relatives.rows import TRACK
from experiments.relatives.supports import measure_supports, unavailable
from experiments.report.command import add_report, add_run, suffix_of
from experiments.settings import Machine
from experiments.track.sweep import run_cells

PLACES = "data_dir=PATH, results_dir=PATH"


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit code 0; 1 where a cell failed; 2 after one line on bad input."""
    given = _parser().parse_args(arguments)
    with short_errors("relatives"):
        if given.command == "run":
            for name in given.experiment:
                cells, machine = read_experiment(name, given.set)
                run_cells(name, cells, partial(run_cell, machine=machine), runs_dir(machine), found)
        elif given.command == "supports":
            _supports(machine_of(given.set))
        else:
            _report(given)


def _supports(machine: Machine) -> None:
    """What is not to be had is named, as by ``run``."""
    reason = unavailable(machine)
    say(str(measure_supports(machine)) if reason is None else f"supports: skipped: {reason}")


def _report(given: argparse.Namespace) -> None:
    names = given.experiment or TRACK.known(given.results, experiments(), given.suffix)
    if not names:
        say("nothing of the relatives to report yet: make reproduce-relatives")
        return
    for name in names:
        text, paths = report(name, given.results)
        say("\n".join([*([] if given.paths else [text, ""]), *map(str, paths)]))
    say(report_verdicts(given.results, suffix_of(given)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m experiments.relatives", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    effect = "measure what is missing; two processes share the cells"
    add_run(commands, effect, experiments(), PLACES)
    code = commands.add_parser("supports", help="bytes of a sparse gradient under every code")
    code.add_argument("--set", nargs="*", default=[], help=PLACES)
    add_report(commands)
    return parser


if __name__ == "__main__":
    main()
