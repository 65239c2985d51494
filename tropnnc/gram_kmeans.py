"""K-means of many points from their Gram matrix.

With ``G = X Xᵀ`` the squared distance of point i to the mean of cluster c is
``G_ii − 2/|c| Σ_{j∈c} G_ij + 1/|c|² Σ_{j,l∈c} G_jl``, so that a step of Lloyd's algorithm costs n²
additions, whatever the number of clusters and of dimensions, where distances to ``k`` centres cost
``n·k·D`` products. Points had better be centred: distances are differences of entries of G.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from tropnnc.unit import Array, IntArray

_STEPS = 300
_TOLERANCE = 1e-12


def gram_kmeans(gram: Array, k: int, rng: np.random.Generator, n_init: int) -> IntArray:
    """Cluster ``n`` points of inner products ``gram [n, n]`` into ``k < n`` non-empty clusters.

    The best of ``n_init`` starts of Lloyd's algorithm, each seeded by greedy K-means++ (of
    ``2 + log k`` candidates the one that lowers the objective most, as scikit-learn does).

    Returns:
        labels ``[n]`` in ``0 … k−1``.
    """
    starts = [_lloyd(gram, _seeds(gram, k, rng)) for _ in range(n_init)]
    return min(starts, key=lambda start: start[1])[0]


def squared_distances(gram: Array, labels: IntArray, k: int) -> Array:
    """From the mean of every cluster to every point, less the point's own ``G_ii``: ``[k, n]``.

    No cluster of ``labels [n]`` may be empty.
    """
    n = len(labels)
    sizes = np.bincount(labels, minlength=k)
    members = csr_array((1 / sizes[labels], (labels, np.arange(n))), shape=(k, n))
    products = members @ gram
    lengths = np.bincount(labels, products[labels, np.arange(n)] / sizes[labels], minlength=k)
    products *= -2
    products += lengths[:, None]
    return products


def _lloyd(gram: Array, seeds: IntArray) -> tuple[IntArray, float]:
    """Labels and the objective less the trace of G, from the points ``seeds [k]`` as centres."""
    own = gram.diagonal()
    labels = _nearest(own[seeds][:, None] - 2 * gram[seeds], own)[0]
    best, reached = labels, np.inf
    for _ in range(_STEPS):
        moved, now = _nearest(squared_distances(gram, labels, len(seeds)), own)
        # ``now`` is never above the objective of ``labels``; rounding can make ties take turns.
        if now >= reached - _TOLERANCE * own.sum():
            break
        best, reached, labels = moved, now, moved
    return best, reached


def _nearest(distances: Array, own: Array) -> tuple[IntArray, float]:
    """Labels ``[n]`` of the nearest of ``k`` centres, none left empty, and their sum.

    A centre that is nobody's nearest gets the farthest point of a cluster with several.
    """
    labels = distances.argmin(axis=0)
    nearest = distances[labels, np.arange(len(own))]
    sizes = np.bincount(labels, minlength=len(distances))
    for empty in np.flatnonzero(sizes == 0):
        farthest = np.where(sizes[labels] > 1, nearest + own, -np.inf).argmax()
        sizes[labels[farthest]] -= 1
        sizes[empty] = 1
        labels[farthest], nearest[farthest] = empty, -own[farthest]
    return labels, float(nearest.sum())


def _seeds(gram: Array, k: int, rng: np.random.Generator) -> IntArray:
    """``k`` points ``[k]`` by greedy K-means++."""
    own = gram.diagonal()
    trials = 2 + int(np.log(k))
    chosen = [int(rng.integers(len(own)))]
    loss = _to_point(gram, own, np.array(chosen))[0]
    for _ in range(k - 1):
        drawn = np.searchsorted(loss.cumsum(), rng.random(trials) * loss.sum(), side="right")
        candidates = np.minimum(drawn, len(own) - 1)
        losses = np.minimum(loss, _to_point(gram, own, candidates))
        best = losses.sum(axis=1).argmin()
        chosen.append(int(candidates[best]))
        loss = losses[best]
    return np.array(chosen)


def _to_point(gram: Array, own: Array, chosen: IntArray) -> Array:
    """Squared distances of all points to the ``chosen [c]``, ``[c, n]``."""
    return np.maximum(own + own[chosen][:, None] - 2 * gram[chosen], 0)
