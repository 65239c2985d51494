"""Find where a function of one variable has a kink or a jump: bisection of what is not smooth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from tropnnc.unit import Array

# Polynomials of degree 11 on pieces this wide have what is smooth to 1e-10.
START, TOLERANCE, MARKED, NARROWEST = 0.25, 1e-10, 1e-6, 1e-15
# Not a half: breakpoints sit on round numbers, and one between two pieces is in neither.
SPLIT = 0.4871
_NODES = np.cos(np.pi * (np.arange(12) + 0.5) / 12)
# Between the nodes, and at the ends, where a breakpoint would hide.
_PROBES = np.cos(np.pi * np.arange(13) / 12)


@dataclass(frozen=True)
class Breakpoints:
    """Where a function or its derivative jumps, ascending; ``jumps``: whether the function does."""

    points: tuple[float, ...]
    jumps: bool


def find_breakpoints(
    function: Callable[[Array], Array], low: float = -15.0, high: float = 15.0
) -> Breakpoints:
    """Kinks (to about 1e-8) and jumps (to the last bit) of ``function`` on ``[low, high]``.

    What no polynomial fits is halved; pieces that stay so below 1e-6 hold a breakpoint.

    Args:
        function: element by element on arrays.
        low: of the interval.
        high: of the interval.
    """
    edges = np.linspace(low, high, int(np.ceil((high - low) / START)) + 1)
    edges[1:-1] += (SPLIT - 0.5) * START
    pieces = [p for a, b in pairwise(edges) for p in _narrow(function, a, b)]
    points: list[float] = []
    for a, b in pieces:
        if not points or a - points[-1] > MARKED:
            points.append((a + b) / 2)
    return Breakpoints(tuple(map(float, points)), any(_jumps(function, point) for point in points))


def _narrow(function: Callable[[Array], Array], a: float, b: float) -> list[tuple[float, float]]:
    """The narrowest pieces of ``[a, b]`` that are not smooth, ascending."""
    if _is_smooth(function, a, b):
        return []
    middle = a + SPLIT * (b - a)
    if b - a < NARROWEST or not a < middle < b:
        return [(a, b)]
    found = [*_narrow(function, a, middle), *_narrow(function, middle, b)]
    return found or ([(a, b)] if b - a < MARKED else [])


def _is_smooth(function: Callable[[Array], Array], a: float, b: float) -> bool:
    """Whether the interpolating polynomial meets the function between its nodes."""
    middle, half = (a + b) / 2, (b - a) / 2
    values = function(middle + half * _NODES)
    fitted = np.polynomial.chebyshev.chebfit(_NODES, values, len(_NODES) - 1)
    error = np.polynomial.chebyshev.chebval(_PROBES, fitted) - function(middle + half * _PROBES)
    return bool(np.abs(error).max() <= TOLERANCE * max(1.0, float(np.abs(values).max())))


def _jumps(function: Callable[[Array], Array], point: float) -> bool:
    left, right = function(np.array([point - MARKED, point + MARKED]))
    return bool(abs(right - left) > 1e3 * MARKED)
