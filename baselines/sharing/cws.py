"""CWS: k-means on scalar weights (relatives.md A1, step 2).

Exact Lloyd in one dimension from centres evenly spread over [min, max], deterministic. The public
code uses scikit-learn's mini-batches, and clusters pruned zeros with the rest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines.sharing.scheme import Shared, check_shareable, in_use
from tropnnc.unit import Array, IntArray

_ROUNDS = 10_000


@dataclass(frozen=True)
class Cws:
    """Nearest centroid; lossless where ``k`` reaches the number of distinct values."""

    version = 1

    def share(self, values: Array, k: int, rng: np.random.Generator) -> Shared:
        """As :class:`baselines.sharing.scheme.Scheme`; ``rng`` is not drawn from."""
        check_shareable(values, k)
        distinct, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
        inverse = inverse.reshape(-1)
        if len(distinct) <= k:
            return Shared(distinct, inverse)
        centres, ends = _lloyd(distinct, counts, k)
        return in_use(centres, np.searchsorted(ends, np.arange(len(distinct)), "right")[inverse])


def _lloyd(points: Array, counts: IntArray, k: int) -> tuple[Array, IntArray]:
    """Centres ``[k]`` and where each but the last ends among the sorted ``points``, ``[k − 1]``.

    A centre without points stays where it is, and may get some later.
    """
    sums = np.concatenate([[0.0], np.cumsum(points * counts)])
    totals = np.concatenate([[0], np.cumsum(counts)])
    centres = np.linspace(points[0], points[-1], k)
    ends = np.full(k - 1, -1)
    for _ in range(_ROUNDS):
        moved = np.searchsorted(points, (centres[1:] + centres[:-1]) / 2)
        if np.array_equal(moved, ends):
            break
        ends = moved
        edges = np.concatenate([[0], ends, [len(points)]])
        size = np.diff(totals[edges])
        centres = np.where(size > 0, np.diff(sums[edges]) / np.maximum(size, 1), centres)
    return centres, ends
