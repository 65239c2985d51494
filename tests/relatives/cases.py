"""A network of milliseconds, on the digits that are embedded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from baselines.rewriters.protocol import Bits, Pattern
from experiments.bench import Bench, open_bench
from experiments.relatives.settings import Cell, Keep, Narrowing, Rewriting, Sharing
from experiments.settings import Component, Machine
from tests.harness.cells import CELL, machine

SUITE = replace(CELL, test_images=200)
SVD = Rewriting(Component("svd_spatial"), Keep(0.5))
NM = Rewriting(Component("nm"), Pattern(2, 4), "all")
FOUR_BITS = Rewriting(Component("bits"), Bits(4), "all")
CWS = Sharing(50.0, Component("cws"), 8)
NARROW = Narrowing(Component("l1", (("bias", False),)), 0.5)


def a_cell(**changes: object) -> Cell:
    return replace(Cell("digits", test_images=200), **changes)  # pyright: ignore[reportArgumentType]


def a_bench(folder: Path) -> tuple[Bench, Machine]:
    own = machine(folder)
    return open_bench(SUITE, own), own
