"""``python -m experiments.check paper|published|spot|gpu``: ours against theirs, and again."""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.check.composing import machine_of
from experiments.check.gpu import gpu_smoke
from experiments.check.lookup import Cells, committed_rows
from experiments.check.paper import check_paper
from experiments.check.published import check_published
from experiments.check.spot import spot_check
from experiments.console import BEGIN_AGAIN, GO_ON, CellsFailed, short_errors
from experiments.values import integer, real

AGAIN = {"spot": spot_check, "gpu": gpu_smoke}


def run(arguments: argparse.Namespace) -> bool:
    """Whether all is as it should be.

    Raises:
        TropnncError: bad input.
    """
    machine = machine_of([f"results_dir={arguments.results}"])
    if arguments.command in AGAIN:
        number, seed = integer("n", arguments.n, low=1), integer("seed", arguments.seed, low=0)
        minutes = real("minutes", arguments.minutes, low=0.0)
        return AGAIN[arguments.command](machine, number, seed, minutes)
    if arguments.command == "published":
        return check_published(Cells(machine, committed={}))
    seeds, limit = integer("seeds", arguments.seeds, low=1), integer("limit", arguments.limit, 0)
    check_paper(arguments.file, Cells(machine, committed_rows(arguments.results)), seeds, limit)
    return True


def main() -> None:
    """Exit code 0, 1 on a difference that nothing explains, 2 after one line on bad input."""
    arguments = _parser().parse_args()
    with short_errors("check", BEGIN_AGAIN if arguments.command in AGAIN else GO_ON):
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
    for name, number, minutes, text in (
        ("spot", 10, 8.0, "committed cells, computed again"),
        ("gpu", 4, 5.0, "committed cells of CIFAR on CUDA, compared with the CPU"),
    ):
        again = commands.add_parser(name, help=text)
        again.add_argument("--n", type=int, default=number, help="how many")
        again.add_argument("--seed", type=int, default=0, help="of the draw")
        again.add_argument("--minutes", type=float, default=minutes, help="stop after so long")
    return parser


if __name__ == "__main__":
    main()
