"""``python -m experiments.frontier TABLE``: tables, pictures and verdicts of the frontier."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from experiments.console import BEGIN_AGAIN, say, short_errors
from experiments.frontier.ahead import write_ahead
from experiments.frontier.attribution import write_attribution
from experiments.frontier.data_curve import write_data
from experiments.frontier.finetuning import write_finetuning
from experiments.frontier.goals import write_goals
from experiments.frontier.pareto import write_pareto
from experiments.frontier.reading import NotRun
from experiments.frontier.screening import write_screening
from experiments.frontier.seconds import write_seconds
from experiments.frontier.sheet import write_sheet
from tropnnc.errors import check_choice

WORK: dict[str, Callable[[Path, str], str]] = {
    "screening": write_screening,
    "pareto": write_pareto,
    "goals": write_goals,
    "ahead": write_ahead,
    "attribution": write_attribution,
    "data": write_data,
    "seconds": write_seconds,
    "finetuning": write_finetuning,
    "images": write_sheet,
}


def main() -> None:
    """Exit code 0, or 2 after one line; asked for all, it says what has not run and goes on."""
    parser = argparse.ArgumentParser("python -m experiments.frontier", description=__doc__)
    parser.add_argument("table", nargs="*", help=f"{', '.join(WORK)}; none: all of them")
    parser.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    parser.add_argument("--suffix", default="", help="of the experiments' names, such as _quick")
    arguments = parser.parse_args()
    with short_errors("frontier", BEGIN_AGAIN):
        for name in arguments.table or WORK:
            check_choice("table", name, tuple(WORK))
            try:
                say(f"{WORK[name](arguments.results, arguments.suffix)}\n")
            except NotRun as absence:
                if arguments.table:
                    raise
                say(f"{name}: left out: {absence}\n")


if __name__ == "__main__":
    main()
