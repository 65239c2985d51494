"""Weighted spherical K-means: ``max Σ_i ω_i cos(x_i, w̃_{k(i)})`` over clusters and directions.

The best direction of a cluster is that of its resultant ``r = Σ ω_i x_i``, so the objective is
``Σ_k ‖r_k‖``. It never falls from one step to the next, neither when a neuron moves to the
direction it agrees with most nor when a cluster is split (triangle inequality).
"""

from __future__ import annotations

import numpy as np

from tropnnc.clustering import number_by_first_member, one_thread
from tropnnc.unit import Array, IntArray

_STEPS = 300
_TOLERANCE = 1e-12


def spherical_kmeans(
    directions: Array, weights: Array, k: int, rng: np.random.Generator, n_init: int = 10
) -> IntArray:
    """Cluster ``directions [n, D]`` (unit rows, or zero) into exactly ``k`` non-empty clusters.

    The best of ``n_init`` starts of Lloyd's algorithm, each seeded as in K-means++ with the loss
    ``ω_i (1 − cos)``; one thread. Clusters are numbered by their first member.

    Args:
        directions: a row of zeros, which must weigh nothing, has no say.
        weights: ``ω [n]``, not negative.
        k: at most n.
        rng: of the starts.
        n_init: number of starts.

    Returns:
        labels ``[n]`` in ``0 … k−1``.
    """
    if k == len(directions):
        return np.arange(k)
    with one_thread():
        seeds = [_seeds(directions, weights, k, rng) for _ in range(n_init)]
        starts = [_lloyd(directions, weights, chosen) for chosen in seeds]
        best = max(starts, key=lambda labels: objective(directions, weights, labels))
    return number_by_first_member(best)


def objective(directions: Array, weights: Array, labels: IntArray) -> float:
    """``Σ_k ‖r_k‖`` of clusters ``labels [n]``, numbered without gaps."""
    return float(np.linalg.norm(_resultants(directions, weights, labels), axis=1).sum())


def step(directions: Array, weights: Array, centres: Array) -> IntArray:
    """Labels ``[n]`` of the nearest of ``centres [k, D]``, none of them without a member.

    A centre that is nobody's nearest gets the neuron of largest loss from a cluster with several.
    """
    cosines = directions @ centres.T
    labels = cosines.argmax(axis=1)
    sizes = np.bincount(labels, minlength=len(centres))
    loss = weights * (1 - cosines[np.arange(len(labels)), labels])
    for empty in np.flatnonzero(sizes == 0):
        moved = np.where(sizes[labels] > 1, loss, -np.inf).argmax()
        sizes[labels[moved]] -= 1
        sizes[empty] = 1
        labels[moved] = empty
    return labels


def centres_of(directions: Array, weights: Array, labels: IntArray) -> Array:
    """Unit directions ``[k, D]`` of the resultants; a zero resultant leaves a zero row."""
    resultants = _resultants(directions, weights, labels)
    lengths = np.linalg.norm(resultants, axis=1, keepdims=True)
    return np.divide(resultants, lengths, out=np.zeros_like(resultants), where=lengths > 0)


def _lloyd(directions: Array, weights: Array, centres: Array) -> IntArray:
    labels = best = step(directions, weights, centres)
    reached = 0.0
    for _ in range(_STEPS):
        now = objective(directions, weights, labels)
        # Rounding can make equal partitions take turns.
        if now <= reached * (1 + _TOLERANCE):
            break
        best, reached = labels, now
        labels = step(directions, weights, centres_of(directions, weights, labels))
    return best


def _seeds(directions: Array, weights: Array, k: int, rng: np.random.Generator) -> Array:
    """``k`` rows ``[k, D]``, each drawn in proportion to what it loses by those before."""
    loss = weights
    chosen = []
    for _ in range(k):
        total = loss.sum()
        # Where nothing is lost any more, any row will do: empty clusters are filled later.
        shares = loss / total if total > 0 else None
        chosen.append(rng.choice(len(directions), p=shares))
        cosines = directions @ directions[chosen[-1]]
        loss = np.minimum(loss, weights * np.maximum(1 - cosines, 0))
    return directions[chosen]


def _resultants(directions: Array, weights: Array, labels: IntArray) -> Array:
    """``r_k = Σ_{i∈k} ω_i x_i``, ``[k, D]``."""
    order = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[order], np.arange(labels.max() + 1))
    return np.add.reduceat((weights[:, None] * directions)[order], first)
