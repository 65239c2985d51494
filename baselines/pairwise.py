"""Pairs merged one after the other, replayed to any width."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tropnnc.unit import IntArray

# (i, j): neuron j is merged into neuron i.
Pair = tuple[int, int]


def replay(merges: Sequence[Pair], n: int, k: int) -> tuple[IntArray, IntArray]:
    """The first ``n − k`` of ``merges``.

    Returns:
        the neurons that are left, ascending ``[k]``, and for each neuron the position of its own
        among them, ``[n]``.
    """
    owner = np.arange(n)
    for i, j in merges[: n - k]:
        owner[owner == j] = i
    left, labels = np.unique(owner, return_inverse=True)
    return left, labels.astype(np.int64)
