"""An upper bound on the Hausdorff distance: match generators, bound the sum of the residuals.

Let generator i of the one zonotope belong to generator ``G_k(i)`` of the other, with ``t_i ≥ 0``
that sum to 1 in every cluster and signs ``σ_i = ±1``. Since ``|G·u| = Σ t_i |G·u|`` and
``||a| − |b|| ≤ |σa − b|``, the even part of the difference of the support functions is at most

    |e(u)| ≤ ½ Σ_i |r_i·u|,    r_i = σ_i g_i − t_i G_k(i),

a G without members counting as a residual of its own. No G need be the sum of its cluster: what
that misses is in the centres, and ``H ≤ ‖c_P − c_Q‖ + max ½ Σ |r_i·u|``. With sums the centres
agree; norms of the residuals then give (B3) of theory.md, and with ``t_i = 1/|I|`` (B2).

By Cauchy and Schwarz, ``(Σ |r·u|)² ≤ Σ‖r‖ · Σ (r·u)²/‖r‖``, so ``½ √(Σ‖r‖ · λ)`` bounds the sum,
``λ`` the largest eigenvalue of ``Σ r rᵀ/‖r‖``. As ``λ ≤ Σ‖r‖`` it is never above ``½ Σ ‖r‖``, and
in many dimensions far below: no direction can agree with all residuals.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh

from tropnnc.geometry.difference import Difference
from tropnnc.geometry.zonotope import Zonotope
from tropnnc.unit import Array, IntArray

_DIRECTIONS = 8


def upper_bound(apart: Difference, clusters: IntArray | None) -> tuple[float, Array]:
    """A bound on the Hausdorff distance, and directions ``[·, D]`` in which it may be attained.

    Args:
        apart: the difference of the two support functions.
        clusters: as in :func:`matched_residuals`.
    """
    residuals = matched_residuals(apart.p, apart.q, clusters)
    spread, leading = bound_of_sum(residuals)
    # The even part is a difference of two sums, neither negative.
    spread = min(spread, max(apart.p.length, apart.q.length) / 2)
    directions = np.concatenate([leading, apart.centre[None], residuals])
    return float(np.linalg.norm(apart.centre)) + spread, directions


def matched_residuals(p: Zonotope, q: Zonotope, clusters: IntArray | None) -> Array:
    """Residuals ``r [·, D]`` with ``|e(u)| ≤ ½ Σ |r·u|``.

    Args:
        p: one zonotope, its generators the members of the clusters where these are given.
        q: the other.
        clusters: for each generator of ``p`` the index of the one of ``q`` that it belongs to.
            None: each generator of the longer list belongs to the one it is nearest to in angle.
    """
    members, heads = p.generators, q.generators
    if clusters is None and len(members) < len(heads):
        members, heads = heads, members
    if len(heads) == 0:
        return members
    if clusters is None:
        clusters = _nearest_lines(members, heads)
    alone = np.bincount(clusters, minlength=len(heads)) == 0
    return np.concatenate([_cheaper(members, heads, clusters), heads[alone]])


def bound_of_sum(residuals: Array) -> tuple[float, Array]:
    """An upper bound on ``½ Σ |r·u|`` over unit u, and directions in which the sum is large.

    Args:
        residuals: ``[n, D]``.

    Returns:
        the bound, and up to 8 rows ``[·, D]``, not normalised.
    """
    lengths = np.linalg.norm(residuals, axis=1)
    used = lengths > 0
    if not used.any():
        return 0.0, np.zeros((0, residuals.shape[1]))
    scaled = residuals[used] / np.sqrt(lengths[used])[:, None]
    wide = scaled.shape[0] < scaled.shape[1]
    gram = scaled @ scaled.T if wide else scaled.T @ scaled
    last = len(gram) - 1
    values, vectors = eigh(gram, subset_by_index=(max(0, last - _DIRECTIONS + 1), last))
    total = lengths.sum()
    bound = np.sqrt(total * min(max(values[-1], 0.0), total)) / 2
    return float(bound), vectors.T @ scaled if wide else vectors.T


def _cheaper(members: Array, heads: Array, clusters: IntArray) -> Array:
    """Residuals with, in each cluster, the better of two weights: in equal parts or projected."""
    own = heads[clusters]
    alike = (members * own).sum(axis=1)
    sizes = np.bincount(clusters, minlength=len(heads))
    equal = 1 / sizes[clusters]
    sums = np.bincount(clusters, np.abs(alike), minlength=len(heads))[clusters]
    projected = np.divide(np.abs(alike), sums, out=equal.copy(), where=sums > 0)
    signed = np.where(alike < 0, -1.0, 1.0)[:, None] * members
    choices = [signed - weights[:, None] * own for weights in (equal, projected)]
    cost = [np.bincount(clusters, np.linalg.norm(r, axis=1))[clusters] for r in choices]
    return np.where((cost[0] <= cost[1])[:, None], *choices)


def _nearest_lines(members: Array, heads: Array) -> IntArray:
    """For each member the head whose line through 0 is nearest in angle, ``[n]``."""
    lengths = np.linalg.norm(heads, axis=1)
    cosines = np.abs(members @ heads.T) / np.where(lengths > 0, lengths, np.inf)
    return cosines.argmax(axis=1)
