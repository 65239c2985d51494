"""``python -m experiments.check paper|published|spot``: ours against theirs, and ours again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from experiments.check.composing import machine_of
from experiments.check.lookup import Cells, committed_rows
from experiments.check.paper import check_paper
from experiments.check.published import check_published
from experiments.check.spot import spot_check
from experiments.console import BAD_INPUT, FAILED
from tropnnc.errors import TropnncError


def run(arguments: argparse.Namespace) -> bool:
    """Whether all is as it should be.

    Raises:
        TropnncError: bad input.
    """
    machine = machine_of([f"results_dir={arguments.results}"])
    if arguments.command == "spot":
        return spot_check(machine, arguments.n, arguments.seed, arguments.minutes)
    if arguments.command == "published":
        return check_published(Cells(machine, committed={}))
    cells = Cells(machine, committed_rows(arguments.results))
    check_paper(arguments.file, cells, arguments.seeds, arguments.limit)
    return True


def main() -> int:
    """Exit code 0, 1 on a difference that nothing explains, 2 after one line on bad input."""
    arguments = _parser().parse_args()
    try:
        return 0 if run(arguments) else FAILED
    except TropnncError as error:
        print(f"check: {error}", file=sys.stderr)
        return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m experiments.check", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    commands = parser.add_subparsers(dest="command", required=True)
    paper = commands.add_parser("paper", help="figures of a CSV like the template")
    paper.add_argument("file", type=Path)
    paper.add_argument("--seeds", type=int, default=3, help="dense networks per figure")
    paper.add_argument("--limit", type=int, default=20, help="cells computed to try options")
    commands.add_parser("published", help="figures of results/published")
    spot = commands.add_parser("spot", help="committed cells, computed again")
    spot.add_argument("--n", type=int, default=10, help="how many")
    spot.add_argument("--seed", type=int, default=0, help="of the draw")
    spot.add_argument("--minutes", type=float, default=8.0, help="begin no cell after so long")
    return parser


if __name__ == "__main__":
    sys.exit(main())
