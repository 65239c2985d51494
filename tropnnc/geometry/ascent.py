"""A lower bound on the Hausdorff distance: climb ``|c·u| + |e(u)|`` on the unit sphere.

With ``e = h_A − h_B`` (both centred) the largest value of ``c·u + e(u)`` is that of the distance
of ``c + v`` to B over the vertices v of A. So a step takes the vertex of A in direction u, and for
u the direction in which it sticks out of B: the concave-convex procedure (Yuille and Rangarajan
2003), which cannot descend. A mere gradient step stalls in the kinks of B, where the maximum often
lies. Nearest points are found roughly; values are exact, so every direction is a certificate.
"""

from __future__ import annotations

import numpy as np

from tropnnc.geometry.difference import Difference
from tropnnc.geometry.nearest import RoughSolver
from tropnnc.unit import Array

_ROUNDING = 1e-12
_CLIMBERS = 12


def climb(difference: Difference, starts: Array, steps: int = 10) -> float:
    """The largest value found from the unit vectors ``starts [b, D]``; 0 from none.

    All take one step; the best dozen (of either sign of e) go on.
    """
    p, q = difference.p, difference.q
    gaps = np.abs(starts @ difference.rows.T) @ difference.signs
    inward = gaps < -_ROUNDING * (p.length + q.length)
    found = difference.values(starts).max(initial=0.0)
    for chosen, outer, inner in ((~inward, p, q), (inward, q, p)):
        at = starts[chosen]
        if len(at):
            found = max(found, _climb(outer.generators, inner.generators, difference, at, steps))
    return float(found)


def _climb(outer: Array, inner: Array, difference: Difference, at: Array, steps: int) -> float:
    """The same, where the zonotope ``outer [n, D]`` reaches beyond ``inner [k, D]``."""
    solver = RoughSolver(inner)
    middle = inner.sum(axis=0) / 2
    best, near = 0.0, None
    for _ in range(steps):
        shift = np.where(at @ difference.centre < 0, -1.0, 1.0)[:, None] * difference.centre
        # Coefficients in [0, 1] put the inner zonotope's centre at `middle`.
        points = np.sign(at @ outer.T) @ outer / 2 + shift + middle
        near = solver.coefficients(points, near)
        at = normalised(points - near @ inner)
        values = difference.values(at)
        best = max(best, float(values.max()))
        ahead = np.argsort(-values, kind="stable")[:_CLIMBERS]
        at, near = at[ahead], near[ahead]
    return best


def normalised(vectors: Array) -> Array:
    """Rows of length 1, or 0 where they are zero: ``[b, D]`` to ``[b, D]``."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
