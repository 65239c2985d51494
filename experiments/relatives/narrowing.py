"""Networks made narrower by the suite's width methods, kept for the cells that follow."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from torch import nn

from experiments.bench import Bench
from experiments.finetuning import Curve, finetune, reinitialised
from experiments.measure import compress_cell
from experiments.relatives.settings import Narrowing
from experiments.resuming import Snapshot
from experiments.settings import CellSettings, Component, Machine
from experiments.synthetic_cells import synthetic_of, with_recipes
from experiments.training_settings import Finetuning
from tropnnc import make_allocator, make_method
from tropnnc.protocols import recipe_of


@lru_cache(maxsize=2)
def narrowed(
    narrowing: Narrowing, suite: CellSettings, bench: Bench, machine: Machine
) -> nn.Module:
    """The smaller network that ``run.py`` gives for the same settings; not to be modified.

    Raises:
        TropnncError: no such method, or one that does not accept the network.
    """
    cell = _cell(narrowing, suite)
    reducer = make_method(cell.method.name, **dict(cell.method.options))
    images = synthetic_of(cell, bench, recipe_of(reducer, bench.model), machine)
    synthetic = None if images is None else images.images.tensor
    small, _ = compress_cell(cell, bench, reducer, make_allocator("uniform"), synthetic)
    return small


def grown(
    narrowing: Narrowing,
    suite: CellSettings,
    bench: Bench,
    machine: Machine,
    draw: int,
    progress: Path,
) -> nn.Module:
    """A network of those widths, trained from random weights by the recipe of the dense one.

    Killed, the training goes on from the file ``progress``, which its caller removes.
    """
    model = reinitialised(narrowed(narrowing, suite, bench, machine), draw)
    recipe = suite.train
    tuning = Finetuning(recipe, (recipe.epochs,), from_scratch=True)
    finetune(model, tuning, bench, draw, Curve(), Snapshot(progress))
    return model


def determinants(narrowing: Narrowing, suite: CellSettings, model: nn.Module) -> dict[str, object]:
    """What determines the narrower network beside the dense weights and the data."""
    cell = _cell(narrowing, suite)
    reducer = make_method(cell.method.name, **dict(cell.method.options))
    config = with_recipes(cell, model, reducer)
    return {"cell": {**config, "test": None}, "method_version": reducer.version}


def _cell(narrowing: Narrowing, suite: CellSettings) -> CellSettings:
    return replace(
        suite,
        method=narrowing.method,
        allocator=Component("uniform"),
        ratio=narrowing.ratio,
        scope=narrowing.scope,
    )
