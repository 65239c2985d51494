"""Front ends: which rows remain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tropnnc.composition.greedy import consumer_gram, greedy_path
from tropnnc.composition.moments import Moments
from tropnnc.protocols import Reducer
from tropnnc.reduction import Reduction, check_width, select, select_largest
from tropnnc.unit import Array, IntArray, Tier, Unit


@dataclass(frozen=True)
class Greedy:
    """Keep the first ``k`` of :func:`tropnnc.composition.greedy.greedy_path`."""

    needs = Tier.WEIGHTS
    version = 1

    def prepare(
        self, unit: Unit, moments: Moments, rng: np.random.Generator
    ) -> tuple[Unit, IntArray]:
        """One path for all widths."""
        return unit, greedy_path(moments.gram, consumer_gram(unit)).order

    def reduce(self, state: tuple[Unit, IntArray], k: int) -> Reduction:
        """A narrower selection is part of every wider one."""
        unit, path = state
        check_width(unit, k)
        return select(unit, np.sort(path[:k]))


@dataclass(frozen=True)
class Energy:
    """Keep the neurons of largest energy ``‖C_:i‖² G_ii`` (theory.md, 5.2)."""

    needs = Tier.WEIGHTS
    version = 1

    def prepare(self, unit: Unit, moments: Moments, rng: np.random.Generator) -> tuple[Unit, Array]:
        """Score the neurons, ``[n]``."""
        outgoing = unit.outgoing
        return unit, np.vecdot(outgoing, outgoing) * np.diag(moments.gram)

    def reduce(self, state: tuple[Unit, Array], k: int) -> Reduction:
        """Keep the ``k`` of largest score."""
        return select_largest(*state, k)


@dataclass(frozen=True)
class Adapted:
    """Any method that answers with kept or combined rows; it is handed its own tier.

    Attributes:
        reducer: the method.
        images: tier of the images that it is shown, if it needs any.
    """

    reducer: Reducer
    images: Tier = Tier.IMAGES

    @property
    def needs(self) -> Tier:
        """The method's, or that of the images it is shown."""
        own = self.reducer.needs
        return self.images if own == Tier.IMAGES else own

    @property
    def version(self) -> int:
        """The method's."""
        return self.reducer.version

    def prepare(self, unit: Unit, moments: Moments, rng: np.random.Generator) -> Any:
        """The method's state."""
        return self.reducer.prepare(unit.seen_by(self.reducer.needs), rng)

    def reduce(self, state: Any, k: int) -> Reduction:
        """The method's answer."""
        return self.reducer.reduce(state, k)
