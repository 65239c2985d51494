"""Iterative Feature Merging (Chen, Zhou and Yan, ICLR 2024, arXiv 2310.06756).

Repeatedly merge the two features nearest in weight, ``‖w_i − w_j‖² + ‖C_:i − C_:j‖²``: the incoming
weights are **added**, the outgoing ones averaged, weighted by how many features each stands for.
The distances that follow are between the merged ones. The paper stops where the least distance
passes β times the greatest; here the width says when, as at one ratio for every method it must.

As in the public code (Ytchen981/Iterative-Feature-Merging, seen) biases are added but not compared;
batch norms, which that code adds parameter by parameter, are folded in first. Reductions of inner
units only.
"""

from __future__ import annotations

import numpy as np

from baselines.pairwise import Pair, replay
from tropnnc.clustering import membership, one_thread
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width
from tropnnc.rescaling import check_rescalable
from tropnnc.unit import Array, Tier, Unit


class Ifm:
    """A cluster's row is the sum of its rows, its column the mean of its columns."""

    needs = Tier.WEIGHTS
    order: Order = "sequential"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> tuple[Unit, list[Pair]]:
        """Order all merges, down to one neuron.

        Raises:
            UnsupportedUnit: the unit does not allow its neurons to be rescaled.
        """
        check_rescalable(unit, "iterative feature merging")
        weights = unit.incoming[:, :-1]
        with one_thread():
            return unit, nearest_pairs(weights @ weights.T, unit.outgoing @ unit.outgoing.T)

    def reduce(self, state: tuple[Unit, list[Pair]], k: int) -> Reduction:
        """Merge until ``k`` are left."""
        unit, merges = state
        check_width(unit, k)
        _, labels = replay(merges, unit.neurons, k)
        members = membership(labels)
        return Reduction(
            incoming=members @ unit.incoming,
            mix=members.T / members.sum(axis=1),
            combination=members,
            clusters=labels,
        )


def nearest_pairs(incoming: Array, outgoing: Array) -> list[Pair]:
    """The ``n − 1`` merges from the Gram matrices of both weights; O(n²) per step."""
    incoming, outgoing = incoming.copy(), outgoing.copy()
    sizes = np.ones(len(incoming))
    alive = np.ones(len(incoming), dtype=bool)
    merges: list[Pair] = []
    for _ in range(len(incoming) - 1):
        gram = incoming + outgoing
        energy = np.diag(gram)
        distances = energy[:, None] + energy[None, :] - 2 * gram
        # Each pair once, the lower index first.
        distances[~(np.triu(np.outer(alive, alive), 1).astype(bool))] = np.inf
        i, j = (int(x) for x in np.unravel_index(np.argmin(distances), distances.shape))
        merges.append((i, j))
        _combine(incoming, i, j, 1.0, 1.0)
        _combine(outgoing, i, j, *(sizes[[i, j]] / sizes[[i, j]].sum()))
        sizes[i] += sizes[j]
        alive[j] = False
    return merges


def _combine(gram: Array, i: int, j: int, own: float, other: float) -> None:
    """Feature i becomes ``own·i + other·j``."""
    gram[i] = own * gram[i] + other * gram[j]
    gram[:, i] = own * gram[:, i] + other * gram[:, j]
