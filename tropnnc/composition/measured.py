"""Moments measured on images, in the dense network (GRAIL, CPAL 2026)."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from torch import nn

from tropnnc.activations import activation_sums
from tropnnc.composition.moments import LinearMoments
from tropnnc.errors import TropnncError
from tropnnc.imagination.origin import IMAGES_VERSION
from tropnnc.imagination.recipe import Recipe, changed, recipe_for
from tropnnc.unit import Tier, Unit


@dataclass(frozen=True)
class Images:
    """Source of moments: the dense network's activations, over all positions consumers read."""

    needs = Tier.IMAGES
    version = 1

    def recipe(self, model: nn.Module) -> None:
        """The images are real."""

    def moments(self, unit: Unit) -> LinearMoments:
        """One pass over the images.

        Raises:
            TropnncError: the unit has no calibration images.
        """
        return _measured(unit, "images")


@dataclass(frozen=True)
class Synthetic:
    """Source of moments: as :class:`Images`, on images made from the weights file.

    Attributes:
        count: of those that are made; None: as many as serve the network, see :func:`recipe_for`.
        steps: of their matching, likewise.
        batch: of them with one loss, at most; None: all.
    """

    count: int | None = None
    steps: int | None = None
    batch: int | None = None

    needs = Tier.STATISTICS
    version = IMAGES_VERSION

    def __post_init__(self) -> None:
        changed(Recipe(), asdict(self))

    def recipe(self, model: nn.Module) -> Recipe:
        """How the images of ``model`` are made."""
        return recipe_for(model, asdict(self))

    def moments(self, unit: Unit) -> LinearMoments:
        """One pass over the images.

        Raises:
            TropnncError: the unit has none.
        """
        return _measured(unit, "synthetic")


def _measured(unit: Unit, source: str) -> LinearMoments:
    if unit.calibration is None:
        raise TropnncError(f"{unit.name}: source={source} needs calibration images")
    sums = activation_sums(unit, unit.calibration, "dense")
    return LinearMoments(sums.gram / sums.count, sums.total / sums.count)
