"""Intra-Fusion (Theus et al., ICLR 2024): transport all neurons onto the most important ones.

Batch norm folded, a neuron is ``[w | b | C]``; the k of largest l1 norm are the targets. An optimal
transport plan from all n neurons (mass 1/n each) to them (1/k each), its cost the l1 distance of
the vectors at length 1, says what becomes of whom: a target's row is the average of what arrives
(coefficients summing to 1, section 3.2.4), a source's column goes where its mass goes.

The public code (alexandertheus/Intra-Fusion, seen) applies the plan normalised per *source* to rows
and columns alike, so that of two equal neurons merged both are doubled, and drops the biases from
the cost; both are avoided. Reductions of inner units only: the paper's groups span residual
streams.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import pdist, squareform

from baselines.transport import uniform_transport
from tropnnc.clustering import one_thread
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, largest
from tropnnc.unit import Array, Tier, Unit


@dataclass(frozen=True)
class Prepared:
    """A unit, the importance of its neurons ``[n]`` and the cost between any two ``[n, n]``."""

    unit: Unit
    scores: Array
    cost: Array


class IntraFusion:
    """Fuse the neurons by an exact transport plan between uniform distributions."""

    needs = Tier.WEIGHTS
    order: Order = "sequential"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Importance and costs, for every width."""
        vectors = np.concatenate([unit.own_rows, unit.outgoing], axis=1)
        norms = np.linalg.norm(vectors, axis=1)
        directions = vectors / np.where(norms > 0, norms, 1.0)[:, None]
        cost = squareform(pdist(directions, "cityblock"))
        return Prepared(unit, np.abs(vectors).sum(axis=1), cost)

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Transport onto the ``k`` most important."""
        targets = largest(state.unit, state.scores, k)
        with one_thread():
            plan = uniform_transport(state.cost[:, targets])
        combination = (plan / plan.sum(axis=0)).T
        return Reduction(
            incoming=combination @ state.unit.incoming,
            mix=plan / plan.sum(axis=1, keepdims=True),
            combination=combination,
        )
