"""The Löwner ellipsoid: the smallest that holds all points, by Khachiyan's algorithm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.errors import check_positive
from tropnnc.unit import Array

# Rank-one updates after which everything is computed anew, against rounding.
_FRESH = 1000


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """``{x: (x − c)ᵀ A (x − c) ≤ 1}``.

    Attributes:
        centre: ``c [r]``.
        shape: ``A [r, r]``, positive definite.
        weights: of the points, at least 0 and of sum 1 ``[n]``: ``c = Σ u p``.
        tolerance: all points lie within it, enlarged by a factor of at most ``1 + tolerance``.
    """

    centre: Array
    shape: Array
    weights: Array
    tolerance: float

    def levels(self, points: Array) -> Array:
        """``(p − c)ᵀ A (p − c) [n]``, 1 on the boundary; the same in all coordinates."""
        differences = points - self.centre
        return ((differences @ self.shape) * differences).sum(axis=1)

    @property
    def john_vertices(self) -> Array:
        """Ends of the axes of the ellipsoid shrunk into the convex hull of the points, ``[2r, r]``.

        ``c ± a_i/(r·√λ_i·(1 + tolerance))`` of eigenpairs of A (John).
        """
        values, vectors = np.linalg.eigh(self.shape)
        shrunk = len(values) * np.sqrt(values) * (1 + self.tolerance)
        axes = vectors.T / shrunk[:, None]
        return np.concatenate([self.centre + axes, self.centre - axes])


def lowner(points: Array, tolerance: float) -> Ellipsoid:
    """The smallest ellipsoid around ``points [n, r]``, which span r dimensions affinely.

    Lifted to ``q = (p; 1)``, weights go to the point of largest ``M_p = qᵀ(Σ u q qᵀ)⁻¹ q`` until
    that is at most ``(1 + tolerance)(r + 1)`` (relatives.md B.5, step 2: Khachiyan, on max M).

    Raises:
        TropnncError: a tolerance that is not above 0.
    """
    check_positive("tolerance", tolerance)
    count, rank = points.shape
    lifted = np.column_stack([points, np.ones(count)])
    weights = np.full(count, 1 / count)
    while True:
        inverse: Array = np.linalg.inv((lifted.T * weights) @ lifted).astype(np.float64)
        scores = ((lifted @ inverse) * lifted).sum(axis=1)
        if scores.max() <= (1 + tolerance) * (rank + 1):
            break
        weights = _ascended(lifted, weights, inverse, scores, (1 + tolerance) * (rank + 1))
    centre = weights @ points
    moments = (points.T * weights) @ points - np.outer(centre, centre)
    return Ellipsoid(centre, np.linalg.inv(moments) / rank, weights, tolerance)


def _ascended(lifted: Array, weights: Array, inverse: Array, scores: Array, limit: float) -> Array:
    """The weights after at most :data:`_FRESH` steps; inverse and scores by rank-one updates."""
    size = lifted.shape[1]
    for _ in range(_FRESH):
        j = int(scores.argmax())
        top = scores[j]
        if top <= limit:
            break
        step = (top - size) / (size * (top - 1))
        image = inverse @ lifted[j]
        factor = step / (1 - step + step * top)  # Sherman–Morrison
        scores = (scores - factor * (lifted @ image) ** 2) / (1 - step)
        inverse = (inverse - factor * np.outer(image, image)) / (1 - step)
        weights = (1 - step) * weights
        weights[j] += step
    return weights
