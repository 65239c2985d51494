"""``python -m experiments.check paper|published|spot``: ours against theirs, and ours again."""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.check.composing import machine_of
from experiments.check.lookup import Cells, committed_rows
from experiments.check.paper import check_paper
from experiments.check.published import check_published
from experiments.check.spot import spot_check
from experiments.console import BEGIN_AGAIN, GO_ON, CellsFailed, short_errors
from experiments.values import integer, real


def run(arguments: argparse.Namespace) -> bool:
    """Whether all is as it should be.

    Raises:
        TropnncError: bad input.
    """
    machine = machine_of([f"results_dir={arguments.results}"])
    if arguments.command == "spot":
        number, seed = integer("n", arguments.n, low=1), integer("seed", arguments.seed, low=0)
        return spot_check(machine, number, seed, real("minutes", arguments.minutes, low=0.0))
    if arguments.command == "published":
        return check_published(Cells(machine, committed={}))
    seeds, limit = integer("seeds", arguments.seeds, low=1), integer("limit", arguments.limit, 0)
    check_paper(arguments.file, Cells(machine, committed_rows(arguments.results)), seeds, limit)
    return True


def main() -> None:
    """Exit code 0, 1 on a difference that nothing explains, 2 after one line on bad input."""
    arguments = _parser().parse_args()
    with short_errors("check", BEGIN_AGAIN if arguments.command == "spot" else GO_ON):
        if not run(arguments):
            raise CellsFailed


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
    spot.add_argument("--minutes", type=float, default=8.0, help="stop after so long")
    return parser


if __name__ == "__main__":
    main()
