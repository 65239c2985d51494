"""``python -m experiments.relatives run NAME …`` and ``report``: accuracy against bytes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from experiments.check.composing import machine_of
from experiments.console import say, short_errors
from experiments.relatives.cells import found, run_cell, runs_dir
from experiments.relatives.grids import experiments, read_experiment
from experiments.relatives.report import known, report, report_verdicts
from experiments.relatives.supports import measure_supports
from experiments.track.sweep import run_cells


def main(arguments: Sequence[str] | None = None) -> None:
    """Exit code 0; 1 where a cell failed; 2 after one line on bad input."""
    given = _parser().parse_args(arguments)
    with short_errors("relatives"):
        if given.command == "run":
            for name in given.experiment:
                cells, machine = read_experiment(name, given.set)
                run_cells(name, cells, partial(run_cell, machine=machine), runs_dir(machine), found)
        elif given.command == "supports":
            say(str(measure_supports(machine_of(given.set))))
        else:
            _report(given)


def _report(given: argparse.Namespace) -> None:
    names = given.experiment or known(given.results, given.suffix)
    if not names:
        say("nothing of the relatives to report yet: make reproduce-relatives")
        return
    for name in names:
        text, paths = report(name, given.results)
        say("\n".join([*([] if given.paths else [text, ""]), *map(str, paths)]))
    say(report_verdicts(given.results, given.suffix))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m experiments.relatives", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure what is missing; two processes share the cells")
    run.add_argument("experiment", nargs="+", help=", ".join(experiments()))
    run.add_argument("--set", nargs="*", default=[], help="data_dir=PATH, results_dir=PATH")
    code = commands.add_parser("supports", help="bytes of a sparse gradient under every code")
    code.add_argument("--set", nargs="*", default=[], help="data_dir=PATH, results_dir=PATH")
    write = commands.add_parser("report", help="summaries, tables, figures, verdicts")
    write.add_argument("experiment", nargs="*", help="none: every one with results")
    write.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    write.add_argument("--suffix", default="", help="of the experiments' names, such as _quick")
    write.add_argument("--paths", action="store_true", help="print no tables but the verdicts")
    return parser


if __name__ == "__main__":
    main()
