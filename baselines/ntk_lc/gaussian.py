"""Expectations under a Gaussian: Gauss–Legendre panels between breakpoints, never across one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.unit import Array

# The density at 12 standard deviations is 2e-32.
REACH = 12.0
NODES = 20
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)


@dataclass(frozen=True, eq=False)
class Panels:
    """Intervals side by side, none with a breakpoint inside.

    Attributes:
        edges: their ends, ``[panels + 1]``, ascending.
    """

    edges: Array

    @cached_property
    def nodes(self) -> Array:
        """``[panels·NODES]``, all of them inside of a panel."""
        return (self._middle[:, None] + self._half[:, None] * _NODES).ravel()

    @cached_property
    def weights(self) -> Array:
        """Of an integral over the line, ``[panels·NODES]``."""
        return (self._half[:, None] * _WEIGHTS).ravel()

    def derivative(self, values: Array) -> Array:
        """Derivative at the nodes of a function with ``values`` there, by panel."""
        slopes = values.reshape(-1, NODES) @ _differentiation().T
        return (slopes / self._half[:, None]).ravel()

    def density(self, scales: Array) -> Array:
        """Weights of expectations over ``N(0, s²)``, ``[scales, panels·NODES]``."""
        ratio = self.nodes / scales[:, None]
        return self.weights * np.exp(-(ratio**2) / 2) / (np.sqrt(2 * np.pi) * scales[:, None])

    @cached_property
    def _middle(self) -> Array:
        return (self.edges[1:] + self.edges[:-1]) / 2

    @cached_property
    def _half(self) -> Array:
        return (self.edges[1:] - self.edges[:-1]) / 2


def panels(breakpoints: Iterable[float], low: float, high: float) -> Panels:
    """Panels for ``N(0, s²)`` with any ``low ≤ s ≤ high``.

    Raises:
        TropnncError: a scale that is not positive and finite.
    """
    if not 0 < low <= high < np.inf:
        raise TropnncError(f"scale = {low:g} to {high:g} is not accepted; positive numbers are")
    reach = REACH * high
    inner = sorted({point for point in breakpoints if -reach < point < reach})
    edges = [-reach, *inner, reach]
    widest = min(low, 1.0)  # of the density, and of functions such as sin
    parts = [np.linspace(a, b, int(np.ceil((b - a) / widest)) + 1)[:-1] for a, b in pairwise(edges)]
    return Panels(np.concatenate([*parts, [reach]]))


def _differentiation() -> Array:
    """Matrix that differentiates the interpolating polynomial at the nodes of ``[−1, 1]``."""
    difference = _NODES[:, None] - _NODES + np.eye(NODES)
    products = difference.prod(axis=1)
    matrix = products[:, None] / products / difference
    np.fill_diagonal(matrix, 0.0)
    np.fill_diagonal(matrix, -matrix.sum(axis=1))
    return matrix
