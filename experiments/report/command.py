"""The commands ``run`` and ``report`` of tracks that keep records and summaries of their own."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

QUICK = "_quick"


def add_run(commands: Any, effect: str, known: list[str], places: str) -> None:
    """Add ``run NAME … [--set KEY=VALUE …]`` to the subparsers ``commands``.

    Args:
        commands: what ``add_subparsers`` returned.
        effect: one line.
        known: names of experiments.
        places: what may be set.
    """
    run = commands.add_parser("run", help=effect)
    run.add_argument("experiment", nargs="+", help=", ".join(known))
    run.add_argument("--set", nargs="*", default=[], help=places)


def add_report(commands: Any) -> None:
    """Add ``report [NAME …] [--results DIR] [--suffix TEXT] [--paths]`` likewise."""
    write: argparse.ArgumentParser = commands.add_parser(
        "report", help="summaries, tables, figures, verdicts"
    )
    write.add_argument("experiment", nargs="*", help="none: every one with results")
    write.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    write.add_argument("--suffix", default="", help="of the experiments' names, such as _quick")
    write.add_argument("--paths", action="store_true", help="print no tables but the verdicts")


def suffix_of(given: argparse.Namespace) -> str:
    """Of the table of verdicts: as said, or that of quick variants where only such are named."""
    quick = bool(given.experiment) and all(name.endswith(QUICK) for name in given.experiment)
    return given.suffix or (QUICK if quick else "")
