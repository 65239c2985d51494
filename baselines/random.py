"""Random pruning: the floor that every method has to clear."""

from __future__ import annotations

import numpy as np

from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width, select
from tropnnc.unit import IntArray, Tier, Unit


class Random:
    """Keep neurons drawn without replacement; a narrower draw is part of every wider one."""

    needs = Tier.WEIGHTS
    order: Order = "original"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> tuple[Unit, IntArray]:
        """Draw a permutation of the neurons."""
        return unit, rng.permutation(unit.neurons)

    def reduce(self, state: tuple[Unit, IntArray], k: int) -> Reduction:
        """Keep the first ``k`` of it."""
        unit, permutation = state
        check_width(unit, k)
        return select(unit, np.sort(permutation[:k]))
