"""DFPC's saliency (Narshana, Murti and Bhattacharyya, ICLR 2023): data-free, no compensation.

Channel c between layers A and B scores the sum of the entries of ``|W_B|_(:,c)·|BN_A||W_A|_(c,:)``,
both layers as matrices: the product of ``Σ|W_B|_(:,c)`` and ``Σ|BN_A W_A|_(c,:)``. It is an upper
bound's share, and rescaling a neuron leaves it as it is. The lowest are pruned, one ratio for every
unit instead of the paper's minimum over the whole network; its coupled channels (residual streams)
are out of scope. A convolution's border, where taps meet fewer places, is left out of the sums. A
depthwise convolution in between is one more factor.
"""

from __future__ import annotations

import numpy as np

from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, select_largest
from tropnnc.unit import Array, Tier, Unit


class Dfpc:
    """Keep the neurons of largest saliency, batch norm folded, biases left out."""

    needs = Tier.WEIGHTS
    order: Order = "original"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> tuple[Unit, Array]:
        """Score the neurons, ``[n]``."""
        saliency = np.abs(unit.incoming[:, :-1]).sum(axis=1) * np.abs(unit.outgoing).sum(axis=1)
        for stage in unit.depthwise:
            saliency = saliency * np.abs(stage.incoming[:, :-1]).sum(axis=1)
        return unit, saliency

    def reduce(self, state: tuple[Unit, Array], k: int) -> Reduction:
        """Keep the ``k`` of largest saliency."""
        return select_largest(*state, k)
