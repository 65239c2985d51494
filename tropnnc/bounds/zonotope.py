"""Bounds for one output: from the distance of two zonotopes, and on that distance.

Theory.md, sections 1 and 2. ``generators [n, d+1]`` are the ``g_i = |c_i| w_i`` of one sign,
``labels [n]`` their clusters, numbered from 0 without gaps.
"""

from __future__ import annotations

import math

import numpy as np

from tropnnc.clustering import inertia, membership
from tropnnc.errors import TropnncError
from tropnnc.unit import Array, IntArray

# Simplex weights add up to 1 up to the rounding of a sum.
_ROUNDING = 1e-9


def check_radius(radius: float) -> None:
    """Raise :class:`TropnncError` unless ``radius`` is a ball's: finite, 0 or more."""
    if not (math.isfinite(radius) and radius >= 0):
        raise TropnncError(f"radius {radius!r} is out of range, accepted are finite radii >= 0")


def homogeneous_radius(radius: float) -> float:
    """``ρ = √(1 + r²)``, which bounds ``(x, 1)`` for ``‖x‖ ≤ r``."""
    check_radius(radius)
    return math.hypot(1.0, radius)


def polynomial_bound(distance: float, radius: float) -> float:
    """(B0) ``max |p − p̃| ≤ ρ·H(P, P̃)`` over ``‖x‖ ≤ radius``, per tap."""
    return homogeneous_radius(radius) * distance


def outputs_bound(positive: Array, negative: Array, radius: float) -> float:
    """(B1) ``max ‖v − ṽ‖₁ ≤ ρ·Σ [H(P_j, P̃_j) + H(Q_j, Q̃_j)]`` over ``‖x‖ ≤ radius``.

    Args:
        positive: Hausdorff distances ``H(P_j, P̃_j)``, one per output and tap: ``[m]`` or
            ``[m, taps]``. All are summed; taps can add coherently.
        negative: likewise ``H(Q_j, Q̃_j)``.
        radius: of the input, or of every patch.
    """
    return homogeneous_radius(radius) * float(np.sum(positive) + np.sum(negative))


def centroid_bound(generators: Array, labels: IntArray) -> float:
    """(B2) ``H(P, P̃) ≤ ½ Σ ‖g_i − ḡ_k(i)‖`` where each cluster became its **sum**."""
    members = membership(labels)
    means = (members @ generators) / members.sum(axis=1, keepdims=True)
    return 0.5 * float(np.linalg.norm(generators - means[labels], axis=1).sum())


def inertia_bound(generators: Array, labels: IntArray) -> float:
    """(B2), relaxed: ``½ √(n·SSE)``, SSE the objective of K-means; never below (B2) itself."""
    return 0.5 * math.sqrt(len(generators) * inertia(generators, labels))


def simplex_bound(generators: Array, labels: IntArray, weights: Array | None = None) -> float:
    """(B3) ``H(P, P̃) ≤ ½ Σ ‖g_i − t_i G_k(i)‖``, ``G`` the sum of a cluster.

    Args:
        generators: ``[n, d+1]``.
        labels: ``[n]``.
        weights: ``t [n]``, in each cluster non-negative with sum 1. By default the projection
            coefficients ``g_i·G/‖G‖²`` in clusters where all are ≥ 0, and ``1/|I|``, which is (B2),
            in the others.

    Raises:
        TropnncError: ``weights`` are not in the simplex of each cluster.
    """
    members = membership(labels)
    sums = (members @ generators)[labels]
    if weights is None:
        weights = _projection_weights(generators, labels, sums)
    totals = members @ weights
    if (weights < 0).any() or np.abs(totals - 1).max() > _ROUNDING:
        raise TropnncError("simplex weights are accepted if >= 0 and of sum 1 in each cluster")
    return 0.5 * float(np.linalg.norm(generators - weights[:, None] * sums, axis=1).sum())


def _projection_weights(generators: Array, labels: IntArray, sums: Array) -> Array:
    lengths = (sums**2).sum(axis=1)
    inner = (generators * sums).sum(axis=1)
    smallest = np.full(labels.max() + 1, np.inf)
    np.minimum.at(smallest, labels, inner)
    usable = (smallest[labels] >= 0) & (lengths > np.finfo(float).tiny)
    uniform = 1.0 / np.bincount(labels)[labels]
    return np.divide(inner, lengths, out=uniform, where=usable)


def misiakos_bound(generators: Array, labels: IntArray) -> float:
    """(B4) ``H(P, P̃) ≤ K·δ_max + (1 − 1/N_max) Σ ‖g_i‖`` where each cluster became its **mean**.

    ``δ_max`` is the largest distance to a centre, ``N_max`` the largest cluster. Each member's
    error is ``(relu(g_i·u) − relu(ḡ·u))/N + (1 − 1/N) relu(g_i·u)``; sum over the cluster.
    """
    members = membership(labels)
    sizes = members.sum(axis=1)
    means = (members @ generators) / sizes[:, None]
    distance = float(np.linalg.norm(generators - means[labels], axis=1).max())
    total = float(np.linalg.norm(generators, axis=1).sum())
    return len(sizes) * distance + (1 - 1 / float(sizes.max())) * total
