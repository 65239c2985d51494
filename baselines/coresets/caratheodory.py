"""A point as a convex combination of few others (Carathéodory)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from tropnnc.unit import Array

# A weight that the solver may have meant to be 0.
_ROUNDING = 1e-12


def convex_weights(points: Array, target: Array, levels: Array) -> Array:
    """Weights ``[n]`` of at most ``r + 1`` of ``points [n, r]``, of which ``target [r]`` is a mean.

    Of all such, one of largest ``Σ u·level``; any, as the solver finds it, where ``levels [n]`` are
    all equal.

    Raises:
        ValueError: ``target`` lies outside the convex hull.
    """
    lifted = np.column_stack([points, np.ones(len(points))])
    found = linprog(-levels, A_eq=lifted.T, b_eq=np.append(target, 1.0), method="highs-ds")
    if not found.success:
        raise ValueError(f"no convex combination: {found.message}")
    return caratheodory(points, np.where(found.x > _ROUNDING, found.x, 0.0))


def caratheodory(points: Array, weights: Array) -> Array:
    """Other weights ``[n]`` at least 0, at most ``r + 1`` of them above: same sum, same mean.

    Along a null vector v of the points with weight (lifted by a constant 1) nothing changes until
    the first weight is 0: ``u ← u − (min u/v over v > 0)·v`` (relatives.md B.5).
    """
    weights = weights.copy()
    support = np.flatnonzero(weights)
    while len(support) > points.shape[1] + 1:
        some = support[: points.shape[1] + 2]
        lifted = np.column_stack([points[some], np.ones(len(some))])
        direction = np.linalg.svd(lifted.T)[2][-1]
        direction = direction if direction.max() >= -direction.min() else -direction
        ratios = np.full(len(some), np.inf)
        np.divide(weights[some], direction, out=ratios, where=direction > 0)
        first = int(ratios.argmin())
        weights[some] = np.maximum(weights[some] - ratios[first] * direction, 0.0)
        weights[some[first]] = 0.0
        support = np.flatnonzero(weights)
    return weights
