"""``python -m experiments.ntk run NAME …`` and ``report``: the NTK-LC track."""

from __future__ import annotations

import argparse

from experiments.console import say, short_errors
from experiments.ntk.grids import experiments, read_experiment
from experiments.ntk.report import report, report_verdicts
from experiments.ntk.rows import TRACK
from experiments.ntk.sweep import run_experiment
from experiments.report.command import add_report, add_run


def main() -> None:
    """Exit code 0; 1 where a cell failed; 2 after one line on bad input."""
    arguments = _parser().parse_args()
    with short_errors("ntk"):
        if arguments.command == "run":
            for name in arguments.experiment:
                run_experiment(name, *read_experiment(name, arguments.set))
            return
        names = arguments.experiment or TRACK.known(
            arguments.results, experiments(), arguments.suffix
        )
        if not names:
            say("nothing of NTK-LC to report yet: make reproduce-ntk")
            return
        for name in names:
            text, paths = report(name, arguments.results)
            say("\n".join([*([] if arguments.paths else [text, ""]), *map(str, paths)]))
        say(report_verdicts(arguments.results, arguments.suffix))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m experiments.ntk", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add_run(
        commands,
        "measure what is missing; two processes share the cells",
        experiments(),
        "data_dir=PATH, results_dir=PATH",
    )
    add_report(commands)
    return parser


if __name__ == "__main__":
    main()
