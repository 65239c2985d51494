"""The synthetic images of a cell: of its dense network, for its method and its fine-tuning."""

from __future__ import annotations

from typing import Any

from torch import nn

from experiments.bench import Bench
from experiments.settings import CellSettings, Machine
from experiments.synthetic_images import SyntheticImages, are_being_made, synthetic_images
from tropnnc import Reducer
from tropnnc.imagination import Recipe, origin_of, recipe_for
from tropnnc.protocols import recipe_of
from tropnnc.seeding import derive_seed


def synthetic_of(
    cell: CellSettings, bench: Bench, recipe: Recipe | None, machine: Machine
) -> SyntheticImages | None:
    """From disk, or made now; None without a recipe.

    All ratios, methods and fine-tunings of a repetition share them.
    """
    if recipe is None:
        return None
    shape, seed = tuple(bench.example.shape[1:]), _seed(cell)
    return synthetic_images(bench.model, shape, recipe, bench.pixels, seed, machine.runs_dir)


def tuning_recipe(cell: CellSettings, model: nn.Module) -> Recipe | None:
    """Of the images that its fine-tuning works on, if they are made from ``model``'s weights."""
    tuning = cell.finetuning
    if tuning is None or tuning.distillation is None or not tuning.is_image_free:
        return None
    return recipe_for(model, tuning.distillation.made)


def another_makes_them(
    cell: CellSettings, bench: Bench, reducer: Reducer, machine: Machine
) -> bool:
    """Whether another process makes images of ``cell`` now."""
    shape = tuple(bench.example.shape[1:])
    recipes = (recipe_of(reducer, bench.model), tuning_recipe(cell, bench.model))
    return any(
        are_being_made(
            origin_of(bench.model, shape, recipe, bench.pixels, _seed(cell)), machine.runs_dir
        )
        for recipe in recipes
        if recipe is not None
    )


def with_recipes(cell: CellSettings, model: nn.Module, reducer: Reducer) -> dict[str, Any]:
    """What determines ``cell``, every constant of the making of its images included.

    ``model`` has the layers of its dense network; the weights do not matter.
    """
    config = cell.determinants()
    own, tuning = recipe_of(reducer, model), tuning_recipe(cell, model)
    if own is not None:
        config["synthetic"] = {**own.determinants(), "seed": _seed(cell)}
    if tuning is not None:
        config["finetune"]["synthetic"] = {**tuning.determinants(), "seed": _seed(cell)}
    return config


def _seed(cell: CellSettings) -> int:
    return derive_seed(cell.base_seed, "synthetic images")
