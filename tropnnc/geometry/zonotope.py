"""Zonotopes: Minkowski sums of segments ``[0, g_i]`` (theory.md, section 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tropnnc.clustering import one_thread
from tropnnc.errors import TropnncError
from tropnnc.geometry.nearest import coefficients
from tropnnc.geometry.vertices import lines, sign_vectors
from tropnnc.unit import Array


@dataclass(frozen=True, eq=False)
class Zonotope:
    """The Minkowski sum of the segments from 0 to each generator.

    Attributes:
        generators: ``[n, D]``, finite; ``n = 0`` is the point 0.

    Raises:
        TropnncError: for another shape, or for values that are not finite.
    """

    generators: Array

    def __post_init__(self) -> None:
        generators = np.asarray(self.generators, dtype=np.float64)
        if generators.ndim != 2 or generators.shape[1] == 0:
            raise TropnncError(
                f"generators of shape {generators.shape}; accepted is [n, D] with D > 0"
            )
        if not np.isfinite(generators).all():
            raise TropnncError("generators contain NaN or infinity; accepted are finite numbers")
        object.__setattr__(self, "generators", generators)

    @property
    def dimension(self) -> int:
        """``D``, of the space it lies in."""
        return self.generators.shape[1]

    @property
    def centre(self) -> Array:
        """The centre of symmetry ``½ Σ g_i``, ``[D]``."""
        return self.generators.sum(axis=0) / 2

    @property
    def length(self) -> float:
        """``Σ ‖g_i‖``: no point is farther from 0."""
        return float(np.linalg.norm(self.generators, axis=1).sum())

    def __add__(self, other: Zonotope) -> Zonotope:
        """The Minkowski sum."""
        check_same_space(self, other)
        return Zonotope(np.concatenate([self.generators, other.generators]))

    def support(self, directions: Array) -> Array:
        """The support function ``h(u) = Σ max(g_i·u, 0)``: ``[b, D]`` to ``[b]``."""
        return np.maximum(self._points(directions) @ self.generators.T, 0).sum(axis=1)

    def distance(self, points: Array) -> Array:
        """Euclidean distance of each point to the zonotope: ``[b, D]`` to ``[b]``."""
        points = self._points(points)
        with one_thread():
            nearest = coefficients(self.generators, points) @ self.generators
        return np.linalg.norm(points - nearest, axis=1)

    def contains(self, points: Array, tolerance: float = 1e-9) -> NDArray[np.bool_]:
        """Which points lie inside, or at most ``tolerance·Σ‖g_i‖`` away: ``[b, D]`` to ``[b]``."""
        return self.distance(points) <= tolerance * self.length

    def vertices(self) -> Array:
        """All extreme points, each once, ``[v, D]``; ``v`` grows like ``n^(D−1)``.

        Raises:
            TropnncError: if there may be more than 200,000.
        """
        axes, lengths = lines(self.generators)
        halves = axes * lengths[:, None] / 2
        return self.centre + sign_vectors(axes) @ halves

    def _points(self, points: Array) -> Array:
        if points.ndim != 2 or points.shape[1] != self.dimension:
            raise TropnncError(
                f"points of shape {points.shape}; accepted is [b, {self.dimension}], one a row"
            )
        return points


def check_same_space(p: Zonotope, q: Zonotope) -> None:
    """Raise :class:`TropnncError` unless both zonotopes have the same ``D``."""
    if p.dimension != q.dimension:
        raise TropnncError(
            f"zonotopes in {p.dimension} and {q.dimension} dimensions; accepted are equal ones"
        )
