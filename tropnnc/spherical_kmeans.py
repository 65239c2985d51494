"""Weighted spherical K-means: ``max Σ_i ω_i cos(x_i, w̃_{k(i)})`` over clusters and directions.

The best direction of a cluster is that of its resultant ``r = Σ ω_i x_i``, so the objective is
``Σ_k ‖r_k‖``. It never falls from one step to the next, neither when a neuron moves to the
direction it agrees with most nor when a cluster is split (triangle inequality).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from tropnnc.clustering import Gram, number_by_first_member, one_thread
from tropnnc.unit import Array, IntArray

_STEPS = 300
_TOLERANCE = 1e-12
# A squared resultant is known to so much of the square of what adds up to it.
_CANCELLED = 1e-14


@dataclass(frozen=True)
class _Cosines:
    """How directions compare, by their coordinates or by the cosines between them.

    Attributes:
        to_one: cosines ``[n]`` to a direction given by its index.
        to_some: cosines ``[n, c]`` to those at indices ``[c]``.
        to_centres: cosines ``[n, k]`` to the centres of clusters ``[n]``, and their objective.
    """

    to_one: Callable[[int], Array]
    to_some: Callable[[list[int]], Array]
    to_centres: Callable[[IntArray], tuple[Array, float]]


def spherical_kmeans(
    directions: Array | Gram, weights: Array, k: int, rng: np.random.Generator, n_init: int = 10
) -> IntArray:
    """Cluster ``directions [n, D]`` (unit rows, or zero) into exactly ``k`` non-empty clusters.

    The best of ``n_init`` starts of Lloyd's algorithm, each seeded as in K-means++ with the loss
    ``ω_i (1 − cos)``; one thread. Clusters are numbered by their first member.

    Args:
        directions: rows, or the cosines between them, from which a step costs n² additions
            instead of ``n·k·D`` products. A row of zeros, which must weigh nothing, has no say.
        weights: ``ω [n]``, not negative.
        k: at most n.
        rng: of the starts.
        n_init: number of starts.

    Returns:
        labels ``[n]`` in ``0 … k−1``.
    """
    if k == len(directions):
        return np.arange(k)
    known = isinstance(directions, Gram)
    cosines = _given(directions.products, weights) if known else _computed(directions, weights)
    with one_thread():
        seeds = [_seeds(cosines, weights, k, rng) for _ in range(n_init)]
        starts = [_lloyd(cosines, weights, chosen) for chosen in seeds]
    return number_by_first_member(max(starts, key=lambda start: start[1])[0])


def objective(directions: Array, weights: Array, labels: IntArray) -> float:
    """``Σ_k ‖r_k‖`` of clusters ``labels [n]``, numbered without gaps."""
    return float(np.linalg.norm(_resultants(directions, weights, labels), axis=1).sum())


def assign(cosines: Array, weights: Array) -> IntArray:
    """Labels ``[n]`` of the centres of largest ``cosines [n, k]``, none of them without a member.

    A centre that is nobody's nearest gets the neuron of largest loss from a cluster with several.
    """
    labels = cosines.argmax(axis=1)
    sizes = np.bincount(labels, minlength=cosines.shape[1])
    loss = weights * (1 - cosines[np.arange(len(labels)), labels])
    for empty in np.flatnonzero(sizes == 0):
        moved = np.where(sizes[labels] > 1, loss, -np.inf).argmax()
        sizes[labels[moved]] -= 1
        sizes[empty] = 1
        labels[moved] = empty
    return labels


def centres_of(directions: Array, weights: Array, labels: IntArray) -> tuple[Array, float]:
    """Unit directions ``[k, D]`` of the resultants, and :func:`objective`.

    A zero resultant leaves a zero row.
    """
    resultants = _resultants(directions, weights, labels)
    lengths = np.linalg.norm(resultants, axis=1, keepdims=True)
    centres = np.divide(resultants, lengths, out=np.zeros_like(resultants), where=lengths > 0)
    return centres, float(lengths[:, 0].sum())


def _computed(directions: Array, weights: Array) -> _Cosines:
    """From coordinates ``[n, D]``."""

    def to_centres(labels: IntArray) -> tuple[Array, float]:
        centres, reached = centres_of(directions, weights, labels)
        return directions @ centres.T, reached

    return _Cosines(
        lambda index: directions @ directions[index],
        lambda indices: directions @ directions[indices].T,
        to_centres,
    )


def _given(cosines: Array, weights: Array) -> _Cosines:
    """From the cosines ``[n, n]``."""

    def to_centres(labels: IntArray) -> tuple[Array, float]:
        everyone, k = np.arange(len(labels)), labels.max() + 1
        members = csr_array((weights, (labels, everyone)), shape=(k, len(labels)))
        products = members @ cosines
        squared = np.bincount(labels, weights * products[labels, everyone], minlength=k)
        squared[squared <= _CANCELLED * np.bincount(labels, weights) ** 2] = 0
        lengths = np.sqrt(squared)
        products *= np.divide(1, lengths, out=np.zeros(k), where=lengths > 0)[:, None]
        return products.T, float(lengths.sum())

    return _Cosines(lambda index: cosines[index], lambda indices: cosines[:, indices], to_centres)


def _lloyd(cosines: _Cosines, weights: Array, chosen: list[int]) -> tuple[IntArray, float]:
    """Labels and the objective that they reach, from the directions ``chosen`` as centres."""
    labels = best = assign(cosines.to_some(chosen), weights)
    reached = 0.0
    for _ in range(_STEPS):
        nearness, now = cosines.to_centres(labels)
        # Rounding can make equal partitions take turns.
        if now <= reached * (1 + _TOLERANCE):
            break
        best, reached = labels, now
        labels = assign(nearness, weights)
    return best, reached


def _seeds(cosines: _Cosines, weights: Array, k: int, rng: np.random.Generator) -> list[int]:
    """``k`` indices, each drawn in proportion to what it loses by those before."""
    loss = weights
    chosen: list[int] = []
    for _ in range(k):
        total = loss.sum()
        # Where nothing is lost any more, any row will do: empty clusters are filled later.
        shares = loss / total if total > 0 else None
        chosen.append(int(rng.choice(len(weights), p=shares)))
        loss = np.minimum(loss, weights * np.maximum(1 - cosines.to_one(chosen[-1]), 0))
    return chosen


def _resultants(directions: Array, weights: Array, labels: IntArray) -> Array:
    """``r_k = Σ_{i∈k} ω_i x_i``, ``[k, D]``."""
    order = np.argsort(labels, kind="stable")
    first = np.searchsorted(labels[order], np.arange(labels.max() + 1))
    return np.add.reduceat((weights[:, None] * directions)[order], first)
