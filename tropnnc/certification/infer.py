"""A mixing matrix from the weights alone, where no report carries one.

Any matrix is valid and a bad one only loosens the certificate, so the usual rules are tried and the
one of smallest error is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from tropnnc.bounds.rows import decompose, nearest_mix
from tropnnc.unit import Array

# A selected neuron equals its row up to the rounding of float32.
_EQUAL = 1e-5

# Outgoing weights [m, n, taps] of a unit in the dense network, [m', k, taps] in the compressed one.
Columns = tuple[Array, Array]


def inferred_mix(rows: Array, new: Array, consumers: Sequence[Columns], homogeneous: bool) -> Array:
    """``T [n, k]`` from the rows ``W T' [n, D]``, ``W̃ [k, D]`` and the consumers' columns.

    ``homogeneous``: whether the unit's ReLU is; a clipped one is not.
    """

    def score(mix: Array) -> float:
        parts = decompose(rows, new, mix, homogeneous)
        distances = parts.bounds(np.linalg.norm(parts.main, axis=1), np.linalg.norm(new, axis=1))
        return _score(distances, float(np.linalg.norm(new)), mix, consumers)

    return min(_candidates(rows, new), key=score)


def _candidates(rows: Array, new: Array) -> Iterator[Array]:
    """The nearest direction, scaled; sum and mean of K-means clusters; selection alone."""
    nearest = nearest_mix(rows, new)
    yield nearest
    # A cluster's row is about the mean of its members.
    squares = (new**2).sum(axis=1) - 2 * rows @ new.T
    members = np.eye(len(new))[squares.argmin(axis=1)]
    yield members
    yield members / np.maximum(members.sum(axis=0), 1.0)
    distance = np.linalg.norm(rows - nearest @ new, axis=1)
    equal = distance <= _EQUAL * np.linalg.norm(rows, axis=1)
    yield nearest * equal[:, None]


def _score(distances: Array, size: float, mix: Array, consumers: Sequence[Columns]) -> float:
    """The unit's own error and what ``C·T`` misses of the consumers, on a ball of radius 1.

    From bounds on each neuron ``[n]`` and the norm ``size`` of all new rows.
    """
    total = 0.0
    for dense, small in consumers:
        total += float(np.linalg.norm(dense, axis=(0, 2)) @ distances)
        mixed = np.einsum("mnp,nk->mkp", dense, mix, optimize=True).reshape(len(dense), -1)
        total += size * _missed(mixed, small.reshape(len(small), -1))
    return total


def _missed(mixed: Array, small: Array) -> float:
    """Distance of the rows; up to merging and scaling, where the consumer is a unit itself."""
    if mixed.shape == small.shape:
        return float(np.linalg.norm(mixed - small))
    return float(np.linalg.norm(mixed - nearest_mix(mixed, small) @ small))
