"""Spectral equivalents: what the kernels of a random network look like for a Gaussian mixture."""

from __future__ import annotations

import numpy as np

from baselines.ntk_lc.mixture import Statistics
from baselines.ntk_lc.recursion import Conjugate, Tangent
from tropnnc.unit import Array


def conjugate_equivalent(
    points: Array, statistics: Statistics, alpha: Conjugate, tau0: float, tau: float
) -> Array:
    """``α₁XᵀX + V A Vᵀ + (τ² − τ₀²α₁)·I``, ``[n, n]``.

    The 2022 preprint subtracts ``τ₀⁴α₃`` from the last coefficient too; the slides of 2025 do not,
    and they are right: ``V A Vᵀ`` has nothing of that order on its diagonal.

    Args:
        points: ``[n, p]``.
        statistics: of the points.
        alpha: of the layer.
        tau0: root of the mean squared norm of the points.
        tau: ``τ`` of the layer.
    """
    low_rank = _low_rank(points, statistics, alpha.a1, alpha.a2, alpha.a3)
    return low_rank + (tau**2 - tau0**2 * alpha.a1) * np.eye(len(points))


def hollow_tangent_equivalent(points: Array, statistics: Statistics, beta: Tangent) -> Array:
    """``β₁XᵀX + V B Vᵀ`` with zeros on the diagonal, which for a jump does not exist."""
    equivalent = _low_rank(points, statistics, beta.b1, beta.b2, beta.b3)
    np.fill_diagonal(equivalent, 0.0)
    return equivalent


def _low_rank(points: Array, statistics: Statistics, c1: float, c2: float, c3: float) -> Array:
    t = statistics.t
    top = np.column_stack([c2 * np.outer(t, t) + c3 * statistics.products, c2 * t])
    middle = np.vstack([top, [*(c2 * t), c2]])
    return c1 * (points @ points.T) + statistics.basis @ middle @ statistics.basis.T
