"""Hartigan's K-means: points move one by one, the size of the clusters counted in.

Hartigan 1975; Telgarsky and Vattani, AISTATS 2010: moving x from cluster a to b changes the
objective by ``n_b/(n_b+1)·‖x − c_b‖² − n_a/(n_a−1)·‖x − c_a‖²``, so that its optima are a subset
of Lloyd's. Model Folding clusters with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.clustering import (
    inertia,
    membership,
    number_by_first_member,
    one_thread,
    project,
    split_to,
)
from tropnnc.unit import Array, IntArray

_SWEEPS = 100
# A move must gain more than rounding.
_TOLERANCE = 1e-10


def hartigan(features: Array, k: int, rng: np.random.Generator, n_init: int = 10) -> IntArray:
    """Cluster the rows of ``features [n, D]`` into exactly ``k``; the best of ``n_init`` starts.

    Returns:
        labels ``[n]`` in ``0 … k−1``, numbered by first member.
    """
    n = len(features)
    if k == n:
        return np.arange(n)
    points = project(features)
    with one_thread():
        gram = points @ points.T
        starts = [_descend(_Clusters.of(gram, _start(gram, k, rng)), rng) for _ in range(n_init)]
        best = min(starts, key=lambda labels: inertia(points, labels))
    return number_by_first_member(best)


def _start(gram: Array, k: int, rng: np.random.Generator) -> IntArray:
    """Every point to the nearest of ``k`` centres drawn by K-means++; none is empty."""
    centres = np.empty(k, dtype=np.int64)
    distances = np.empty((len(gram), k))
    energy = np.diag(gram)
    nearest = np.ones(len(gram))
    for c in range(k):
        total = nearest.sum()
        # Where only copies of centres are left, any will do.
        centres[c] = rng.choice(len(gram), p=nearest / total if total > 0 else None)
        apart = energy + energy[centres[c]] - 2 * gram[:, centres[c]]
        # Rounding would otherwise draw a copy of a centre.
        distances[:, c] = np.where(apart > _TOLERANCE * energy, apart, 0.0)
        nearest = distances[:, : c + 1].min(axis=1)
    return split_to(np.argmin(distances, axis=1), k)


@dataclass
class _Clusters:
    """The state of a descent, kept up to date at O(n) per move.

    Attributes:
        gram: inner products of the points ``[n, n]``.
        labels: ``[n]``.
        sizes: ``[k]``.
        sums: inner products of every point with every cluster's sum, ``[n, k]``.
        squares: squared norm of every cluster's sum, ``[k]``.
    """

    gram: Array
    labels: IntArray
    sizes: Array
    sums: Array
    squares: Array

    @classmethod
    def of(cls, gram: Array, labels: IntArray) -> _Clusters:
        """From a first assignment."""
        members = membership(labels)
        sums = gram @ members.T
        return cls(gram, labels, members.sum(axis=1), sums, (members @ sums).diagonal().copy())

    def best_move(self, i: int) -> int:
        """Where point ``i`` is best off; its own cluster where nothing is gained."""
        own = self.labels[i]
        if self.sizes[own] == 1:
            return int(own)
        distance = self.gram[i, i] - 2 * self.sums[i] / self.sizes + self.squares / self.sizes**2
        cost = self.sizes / (self.sizes + 1) * distance
        saved = self.sizes[own] / (self.sizes[own] - 1) * distance[own]
        cost[own] = np.inf
        best = int(np.argmin(cost))
        return (
            best if cost[best] < saved - _TOLERANCE * (abs(saved) + self.gram[i, i]) else int(own)
        )

    def move(self, i: int, cluster: int) -> None:
        """Put point ``i`` into ``cluster``."""
        for which, sign in ((self.labels[i], -1.0), (cluster, 1.0)):
            self.squares[which] += 2 * sign * self.sums[i, which] + self.gram[i, i]
            self.sizes[which] += sign
            self.sums[:, which] += sign * self.gram[i]
        self.labels[i] = cluster


def _descend(clusters: _Clusters, rng: np.random.Generator) -> IntArray:
    """Sweep over the points in random order until none moves."""
    for _ in range(_SWEEPS):
        moved = False
        for i in rng.permutation(len(clusters.labels)):
            best = clusters.best_move(i)
            if best != clusters.labels[i]:
                clusters.move(i, best)
                moved = True
        if not moved:
            break
    return clusters.labels
