"""The point of a zonotope nearest to a given one: least squares with bounded coefficients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import lsq_linear

from tropnnc.unit import Array


def coefficients(generators: Array, points: Array) -> Array:
    """``x [b, n]`` in ``[0, 1]`` for which ``x @ generators`` is nearest to each of ``points``.

    By the active-set method of Stark and Parker (1995), ``scipy.optimize.lsq_linear``: it ends at
    the optimum to rounding, while the interior method leaves errors of 1e-5 on the boundary.

    Args:
        generators: ``[n, D]``.
        points: ``[b, D]``.
    """
    n = len(generators)
    found = np.zeros((len(points), n))
    if n == 0:
        return found
    steps = 100 + 10 * n
    for row, point in zip(found, points, strict=True):
        solved = lsq_linear(generators.T, point, bounds=(0, 1), method="bvls", max_iter=steps)
        row[:] = solved.x
    return found


@dataclass(frozen=True, eq=False)
class RoughSolver:
    """:func:`coefficients` for many points at once, nearly: accelerated projected gradient.

    Its coefficients are feasible, so the distance to ``x @ generators`` is never too small.
    """

    generators: Array

    @cached_property
    def gram(self) -> Array:
        """``[n, n]``."""
        return self.generators @ self.generators.T

    @cached_property
    def rate(self) -> float:
        """Of the gradient steps: one over the largest eigenvalue of the Gram matrix."""
        largest = float(np.linalg.eigvalsh(self.gram).max(initial=0))
        return 1 / max(largest, np.finfo(np.float64).tiny)

    def coefficients(self, points: Array, start: Array | None = None, steps: int = 40) -> Array:
        """``x [b, n]`` in ``[0, 1]`` for ``points [b, D]`` (Beck and Teboulle 2009)."""
        target = points @ self.generators.T
        x = np.full(target.shape, 0.5) if start is None else start
        ahead, momentum = x, 1.0
        for _ in range(steps):
            new = np.clip(ahead - self.rate * (ahead @ self.gram - target), 0, 1)
            grown = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
            ahead, x, momentum = new + (momentum - 1) / grown * (new - x), new, grown
        return x
