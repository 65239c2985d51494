"""Data-free parameter pruning (Srinivas and Babu, BMVC 2015): delete a neuron, pass on its column.

From memory of the paper. Repeatedly take the ordered pair of least saliency ``s_ij = ⟨c_j²⟩·
‖w_i − w_j‖²``, ``w`` the weights with the bias and ``⟨c_j²⟩`` the mean square of neuron j's
outgoing weights; delete j, ``C_:i += C_:j``. The paper derives it for fully connected layers; here
a convolution's taps are outgoing weights like any others.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.distance import pdist, squareform

from baselines.pairwise import Pair, replay
from tropnnc.clustering import membership, one_thread
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width, select
from tropnnc.unit import Array, Tier, Unit


class SrinivasBabu:
    """Keep neurons as they are and let each carry the outgoing weights of those like it."""

    needs = Tier.WEIGHTS
    order: Order = "sequential"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> tuple[Unit, list[Pair]]:
        """Order all merges, down to one neuron."""
        distances = squareform(pdist(unit.own_rows, "sqeuclidean"))
        with one_thread():
            gram = unit.outgoing @ unit.outgoing.T
        return unit, deletions(distances, gram)

    def reduce(self, state: tuple[Unit, list[Pair]], k: int) -> Reduction:
        """Delete all but ``k``."""
        unit, merges = state
        check_width(unit, k)
        kept, labels = replay(merges, unit.neurons, k)
        return replace(select(unit, kept), mix=membership(labels).T, clusters=labels)


def deletions(distances: Array, gram: Array) -> list[Pair]:
    """The ``n − 1`` pairs in the order of the algorithm; O(n²) per step.

    Args:
        distances: ``‖w_i − w_j‖² [n, n]``.
        gram: inner products of the outgoing weights ``[n, n]``; the mean over their number would
            change no comparison.
    """
    gram, saliency = gram.copy(), distances * np.diag(gram)
    np.fill_diagonal(saliency, np.inf)
    merges: list[Pair] = []
    for _ in range(len(gram) - 1):
        i, j = (int(x) for x in np.unravel_index(np.argmin(saliency), saliency.shape))
        merges.append((i, j))
        gram[i] += gram[j]
        gram[:, i] += gram[:, j]
        saliency[j], saliency[:, j] = np.inf, np.inf
        alive = np.isfinite(saliency[:, i])
        saliency[alive, i] = distances[alive, i] * gram[i, i]
    return merges
