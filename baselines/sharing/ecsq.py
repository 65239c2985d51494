"""ECSQ: scalar quantisation constrained by entropy (relatives.md A1, step 2).

The public code takes the absolute error, whose λ grid is too small to merge anything; here the
error is squared and λ a knob (1e-5 … 1e-4 has an effect on the networks at hand).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from baselines.sharing.scheme import Shared, check_shareable, in_use
from tropnnc.errors import check_at_least_one, check_positive
from tropnnc.unit import Array, IntArray


@dataclass(frozen=True)
class Ecsq:
    """Lloyd's rounds on ``(w − c)² − λ ln p`` from ``3k`` clusters of equal counts.

    It stops at ``k`` clusters or fewer, when the objective falls no more, or after ``rounds``:
    the number of shared values is steered by λ and can stay **above** k.

    Attributes:
        multiplier: λ.
        rounds: at most.
    """

    multiplier: float = 1e-5
    rounds: int = 30

    version = 1

    def __post_init__(self) -> None:
        check_positive("multiplier", self.multiplier)
        check_at_least_one("rounds", self.rounds)

    def share(self, values: Array, k: int, rng: np.random.Generator) -> Shared:
        """As :class:`baselines.sharing.scheme.Scheme`, but for the number of values.

        ``rng`` is not drawn from.
        """
        check_shareable(values, k)
        order = np.argsort(values, kind="stable")
        points = values[order]
        edges = self._settled(points, k)
        codes = np.empty(len(values), dtype=np.int64)
        codes[order] = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        return in_use(_centres(points, edges), codes)

    def _settled(self, points: Array, k: int) -> IntArray:
        """Edges of the clusters among the sorted ``points``; the last is their number."""
        edges = np.unique(np.linspace(0, len(points), 3 * k + 1).astype(int))
        best = inf
        for _ in range(self.rounds):
            centres = _centres(points, edges)
            rates = -self.multiplier * np.log(np.diff(edges) / len(points))
            starts, alive = lower_envelope(centres, centres**2 + rates)
            ends = np.append(np.searchsorted(points, starts[1:], "right"), len(points))
            sizes = np.diff(ends, prepend=0)
            nearest = np.repeat(alive, sizes)
            objective = float(((points - centres[nearest]) ** 2 + rates[nearest]).mean())
            edges = np.unique(np.append(0, ends))
            if len(edges) - 1 <= k or objective >= best:
                break
            best = objective
        return edges


def _centres(points: Array, edges: IntArray) -> Array:
    return np.add.reduceat(points, edges[:-1]) / np.diff(edges)


def lower_envelope(centres: Array, offsets: Array) -> tuple[Array, IntArray]:
    """Which of the lines ``offset − 2·centre·w`` is least, from which ``w`` on.

    Args:
        centres: ascending, ``[K]``.
        offsets: ``[K]``.

    Returns:
        Where the lines of the envelope take over, ascending from −∞, and their indices.
    """
    starts: list[float] = []
    alive: list[int] = []
    for new in range(len(centres)):
        start = -inf
        while alive:
            start = _crossing(centres, offsets, alive[-1], new)
            if start > starts[-1]:
                break
            starts.pop()
            alive.pop()
            start = -inf
        starts.append(start)
        alive.append(new)
    return np.array(starts), np.array(alive)


def _crossing(centres: Array, offsets: Array, first: int, second: int) -> float:
    """From which w on the second is below the first; parallel lines cross nowhere."""
    rise, run = offsets[second] - offsets[first], 2 * (centres[second] - centres[first])
    if run > 0:
        return float(rise / run)
    return -inf if rise < 0 else inf
