"""``python -m experiments.coverage``: write docs/torchvision.md."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from experiments.console import BEGIN_AGAIN, say, short_errors
from experiments.coverage.models import classifiers
from experiments.coverage.oracle import NETWORKS, Compared, compare
from experiments.coverage.page import page
from experiments.coverage.reach import Reach, reach
from tropnnc.files import write_atomic


def _reaches() -> Iterator[Reach]:
    for name in classifiers():
        found = reach(name)
        say(f"{name}: {found.units} units, {found.parameters_share:.1%} of the parameters")
        yield found


def _comparisons() -> Iterator[tuple[str, list[Compared]]]:
    for name in NETWORKS:
        layers = compare(name)
        say(f"{name}: {sum(layer.gap is not None for layer in layers)} layers compared")
        yield name, layers


def main() -> None:
    """Exit code 0, or 2 after one line on what is wrong."""
    parser = argparse.ArgumentParser("python -m experiments.coverage", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/torchvision.md"))
    arguments = parser.parse_args()
    with short_errors("coverage", BEGIN_AGAIN):
        text = page(list(_reaches()), dict(_comparisons()))
        write_atomic(arguments.out, text.encode())
        say(f"\n{arguments.out}")


if __name__ == "__main__":
    main()
