"""FPGM (He et al., CVPR 2019): prune the filters nearest to the geometric median of all."""

from __future__ import annotations

import numpy as np

from baselines.criterion import importance
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, select_largest
from tropnnc.unit import Array, Tier, Unit


class Fpgm:
    """Keep the raw filters with the largest sum of distances to all others.

    Like the paper's criterion it sees neither bias nor batch norm nor the scale of what reads the
    filter. The paper prunes softly while it trains; here the trained network is pruned once.
    """

    needs = Tier.WEIGHTS
    order: Order = "original"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> tuple[Unit, Array]:
        """Score the neurons, ``[n]``."""
        return unit, importance(unit.filters, "gm")

    def reduce(self, state: tuple[Unit, Array], k: int) -> Reduction:
        """Keep the ``k`` farthest from the others."""
        return select_largest(*state, k)
