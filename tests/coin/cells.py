"""Cells of the data track that take milliseconds."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from baselines.coin import MetaTraining, SirenShape
from experiments.coded_images.cells import found, run_cell, runs_dir
from experiments.coded_images.settings import Classifier, CodedCell, Coding, CoinSettings
from experiments.settings import Machine
from experiments.track.sweep import run_cells

COIN = CoinSettings(
    SirenShape(3, 16, 6), MetaTraining(steps=6, batch=4, points=60), patch=None, seed=0
)
DENSE = Classifier("mlp", ("dense",))
PRUNED = replace(DENSE, method="l1", ratio=0.5)


def a_coding(codec: str, layout: str = "sheet", **knobs: float) -> CodedCell:
    coding = Coding(codec, layout, tuple(sorted(knobs.items())))
    cell = CodedCell("mnist5k", 30, coding, (DENSE, PRUNED))
    if codec == "coin":
        return replace(cell, coin=COIN, fitted=40)
    return replace(cell, fitted=60) if codec == "pca" else cell


CELLS = [
    a_coding("original", "image"),
    *[a_coding("jpeg", layout, quality=q) for layout in ("image", "sheet") for q in (5, 50)],
    *[a_coding("pca", components=count, bits=5) for count in (2, 8)],
    *[a_coding("coin", layout, bits=5, steps=3) for layout in ("image", "sheet")],
]


def swept(cells: Sequence[CodedCell], machine: Machine) -> None:
    """As the experiment ``coded_mnist``."""
    run_cells("coded_mnist", cells, partial(run_cell, machine=machine), runs_dir(machine), found)
