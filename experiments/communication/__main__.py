"""``python -m experiments.communication report``: bytes per step against accuracy."""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.communication.report import report
from experiments.communication.rows import TRACK
from experiments.console import BEGIN_AGAIN, say, short_errors
from experiments.report.command import add_report

EXPERIMENT = "relatives_communication"


def main() -> None:
    """Exit code 0, or 2 after one line on what is missing."""
    parser = argparse.ArgumentParser("python -m experiments.communication", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    add_report(commands)
    arguments = parser.parse_args()
    with short_errors("communication", BEGIN_AGAIN):
        names = arguments.experiment or known(arguments.results, arguments.suffix)
        if not names:
            say(f"nothing of {EXPERIMENT}{arguments.suffix} to report yet")
        for name in names:
            text, paths = report(name, arguments.results)
            say("\n".join([*([] if arguments.paths else [text, ""]), *map(str, paths)]))


def known(results: Path, suffix: str) -> list[str]:
    """The experiment, where it is complete on this disk or has a summary."""
    name = f"{EXPERIMENT}{suffix}"
    complete = results / "runs" / "experiments" / f"{name}.json"
    return [name] if complete.exists() or TRACK.summary_path(results, name).exists() else []


if __name__ == "__main__":
    main()
