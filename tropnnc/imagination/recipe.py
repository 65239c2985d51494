"""How synthetic images are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import Any

from torch import nn

from tropnnc.errors import TropnncError
from tropnnc.imagination.objective import batch_norms


@dataclass(frozen=True)
class Recipe:
    """The constants of theory.md, section 5.2, steps 1 and 2.

    The defaults are for networks with batch norm, see :func:`recipe_for`.

    Attributes:
        count: images that are made.
        steps: of Adam; 0 leaves the images as they begin.
        batch: images that share one loss, at most; the images are divided as evenly as it goes.
            None: all together.
        learning_rate: of the first step, in standard deviations of the data set's pixels per wave
            (:class:`Spectrum`); it falls to 0 along a cosine.
        shift: largest cyclic shift, in pixels.
        variation: weight of the total variation.
        mirrored: every image is there as its mirror image too, which costs nothing to make.
    """

    count: int = 500
    steps: int = 50
    batch: int | None = None
    learning_rate: float = 0.06
    shift: int = 2
    variation: float = 2e-3
    mirrored: bool = True

    def __post_init__(self) -> None:
        _check("count", self.count, whole=True, least=2)
        _check("steps", self.steps, whole=True, least=0)
        _check("shift", self.shift, whole=True, least=0)
        _check("learning_rate", self.learning_rate, whole=False, least=0)
        _check("variation", self.variation, whole=False, least=0)
        if not isinstance(self.mirrored, bool):
            raise TropnncError(f"mirrored = {self.mirrored!r}: accepted are true and false")
        if self.batch is not None:
            # Parts of 3 and more never leave a single image over, which has no variance.
            _check("batch", self.batch, whole=True, least=3)

    @property
    def parts(self) -> int:
        """Number of micro-batches."""
        return 1 if self.batch is None else -(-self.count // self.batch)

    def determinants(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def recipe_for(model: nn.Module, stated: Mapping[str, Any]) -> Recipe:
    """The recipe for ``model`` with the values that are ``stated`` by name; None states nothing.

    What is not stated is the default of :class:`Recipe`; without batch norm 250 images in 300
    steps, a total variation of weight 0.1 and no mirror images.

    Raises:
        TropnncError: a name that is none of its attributes, or a value out of range.
    """
    return changed(Recipe() if batch_norms(model) else _WITHOUT_BATCH_NORM, stated)


def changed(recipe: Recipe, stated: Mapping[str, Any]) -> Recipe:
    """``recipe`` with the values that are ``stated``; see :func:`recipe_for`."""
    known = asdict(recipe)
    for name in stated:
        if name not in known:
            raise TropnncError(f"unknown option {name!r}; accepted are {', '.join(known)}")
    return replace(recipe, **{name: v for name, v in stated.items() if v is not None})


def _check(name: str, value: object, whole: bool, least: int) -> None:
    kind = int if whole else int | float
    if not isinstance(value, kind) or isinstance(value, bool) or not isfinite(value):
        what = "whole numbers" if whole else "numbers"
        raise TropnncError(f"{name} = {value!r}: accepted are {what}, {least} and more")
    if value < least:
        raise TropnncError(f"{name} = {value} is out of range, accepted are {least} and more")


# Of 1/f noise driven to labels, which theory.md leaves open.
_WITHOUT_BATCH_NORM = Recipe(count=250, steps=300, variation=0.1, mirrored=False)
