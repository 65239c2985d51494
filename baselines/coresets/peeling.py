"""Points by how deep they lie: coresets of their extent, one after another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines.coresets.caratheodory import convex_weights
from baselines.coresets.ellipsoid import lowner
from tropnnc.unit import Array, IntArray

# A direction of less than this share of the largest singular value is rounding.
_FLAT = 1e-10


def principal(rows: Array, rank: int) -> Array:
    """Left singular vectors ``[n, ≤ rank]`` of ``rows [n, d]``, largest first; none of rounding."""
    left, values, _ = np.linalg.svd(rows, full_matrices=False)
    return left[:, : min(rank, int(np.count_nonzero(values > _FLAT * values[:1])))]


@dataclass(frozen=True)
class Peeling:
    """How points are peeled.

    Attributes:
        outermost: of the combinations of points that give an end of an axis, take that of the
            outermost points, the same in all coordinates; or else any that the solver finds, which
            changes as the coordinates are stretched.
        tolerance: of the ellipsoids.
    """

    outermost: bool
    tolerance: float = 1e-2

    def extent_coreset(self, points: Array) -> IntArray:
        """Indices of at most ``2r(r + 1)`` of ``points [n, r]``, C, of about the extent of all.

        ``max_P |p·x| ≤ (1 + (1 + tolerance)²·r^1.5)·max_C |q·x|`` for every x: the ends of the axes
        of the ellipsoid inside the convex hull are combinations of C (relatives.md B.5, 1 to 4).
        """
        flat = principal(points - points.mean(axis=0), points.shape[1]) * np.sqrt(len(points))
        if len(flat) <= flat.shape[1] + 1 or flat.shape[1] == 0:
            return np.arange(len(flat))
        ellipsoid = lowner(flat, self.tolerance)
        levels = ellipsoid.levels(flat) if self.outermost else np.zeros(len(flat))
        weights = [convex_weights(flat, end, levels) for end in ellipsoid.john_vertices]
        return np.flatnonzero(sum(weights))

    def rounds(self, points: Array) -> list[IntArray]:
        """Indices by round: the extent coreset of what the rounds before have left.

        The last round is what is left when that is at most ``2r``, or empty (step 5).
        """
        left, rounds = np.arange(len(points)), []
        while len(left) > 2 * points.shape[1]:
            chosen = self.extent_coreset(points[left])
            rounds.append(left[chosen])
            left = np.delete(left, chosen)
        return [*rounds, left]

    def sensitivities(self, points: Array) -> Array:
        """Of ``points [n, r]`` up to a factor: 1/i of those of round i, ``[n]``."""
        scores = np.empty(len(points))
        for i, chosen in enumerate(self.rounds(points), start=1):
            scores[chosen] = 1 / i
        return scores
