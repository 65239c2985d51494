"""The two greedy selections of ThiNet, on the Gram matrix of the sampled contributions.

Both return all neurons, the most wanted first: its first ``k`` are the selection of width ``k``.
``G = XᵀX [n, n]``, where ``X_ic`` is what neuron c adds to the sampled output ``y_i = Σ_c X_ic``.
"""

from __future__ import annotations

import numpy as np

from tropnnc.unit import Array, IntArray

_IN_SPAN = 1e-10


def removal_path(gram: Array) -> IntArray:
    """ICCV 2017: repeatedly remove ``argmin_c ‖Σ_{t removed} X_t + X_c‖²``; O(n) per step.

    Returns:
        neurons ``[n]``, the last removed first.
    """
    n = len(gram)
    energy = np.diag(gram).copy()
    overlap = np.zeros(n)
    removed = np.empty(n, dtype=np.int64)
    for step in range(n):
        # ‖s + X_c‖² = ‖s‖² + 2 s·X_c + ‖X_c‖², and ‖s‖² is the same for every c.
        cost = 2 * overlap + energy
        cost[removed[:step]] = np.inf
        removed[step] = np.argmin(cost)
        overlap += gram[:, removed[step]]
    return removed[::-1]


def keeping_path(gram: Array) -> IntArray:
    """TPAMI 2018: orthogonal matching pursuit of ``y``; O(n²) per step.

    Repeatedly keep ``argmin_c min_w ‖r − w·X_c‖²``, ``r`` the residual of ``y`` after the least
    squares on all that is kept. The correlations ``Xᵀr`` are updated by deflation, a growing
    Cholesky factor of ``G``. A neuron that is zero on every sample comes last.

    Returns:
        neurons ``[n]``, the first kept first.
    """
    n = len(gram)
    energy = np.diag(gram)
    alive = energy > 0
    correlation = gram.sum(axis=1)
    factor = np.zeros((n, n))
    kept = np.empty(n, dtype=np.int64)
    for step in range(n):
        gain = np.divide(correlation**2, energy, out=np.full(n, -1.0), where=alive)
        gain[kept[:step]] = -np.inf
        c = kept[step] = np.argmax(gain)
        column = gram[:, c] - factor[:, :step] @ factor[c, :step]
        if column[c] > _IN_SPAN * energy[c]:
            factor[:, step] = column / np.sqrt(column[c])
            correlation = correlation - factor[:, step] * (correlation[c] / np.sqrt(column[c]))
    return kept
