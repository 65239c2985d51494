"""Paired inference over dense training seeds, and Holm's correction.

The interval is Student's t of the paired differences: with three to ten seeds a bootstrap has few
distinct resamples (ten means of three values) and covers less than it says. A seeded percentile
bootstrap is reported beside it as a cross-check that assumes no normality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

Interval = tuple[float, float]
DRAWS = 10_000


@dataclass(frozen=True)
class Paired:
    """Mean of ``n`` ≥ 2 paired differences and its standard error."""

    mean: float
    error: float
    n: int

    def interval(self, level: float) -> Interval:
        """Two-sided t interval of the mean at ``level``, e.g. 0.95."""
        reach = float(stats.t.ppf((1 + level) / 2, self.n - 1)) * self.error
        return self.mean - reach, self.mean + reach

    def above(self, bound: float) -> float:
        """One-sided p-value of "the mean is at most ``bound``"."""
        return self._tail(self.mean - bound)

    def below(self, bound: float) -> float:
        """One-sided p-value of "the mean is at least ``bound``"."""
        return self._tail(bound - self.mean)

    def _tail(self, distance: float) -> float:
        if self.error == 0:
            # Differences without spread: the mean lies on one side of the bound, or on it.
            return 0.5 if distance == 0 else float(distance < 0)
        return float(stats.t.sf(distance / self.error, self.n - 1))


def paired(differences: Sequence[float]) -> Paired:
    """Statistics of paired ``differences``, one per dense network."""
    array = np.asarray(differences, dtype=float)
    error = float(array.std(ddof=1)) / len(array) ** 0.5
    return Paired(float(array.mean()), error, len(array))


def difference_p(sample: Paired) -> float:
    """Two-sided p-value of "the mean is 0": below 0.05 iff the 95 % interval leaves out 0."""
    return 2 * min(sample.above(0.0), sample.below(0.0))


def equivalence_p(sample: Paired, margin: float) -> float:
    """p-value of what the 90 % interval shows about ``±margin``.

    With the mean inside, the larger of the two one-sided tests (TOST): below 0.05 iff the interval
    lies inside. With the mean outside, the one-sided test of "inside after all": below 0.05 iff
    the interval lies outside.
    """
    if abs(sample.mean) <= margin:
        return max(sample.above(-margin), sample.below(margin))
    return sample.above(margin) if sample.mean > margin else sample.below(-margin)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm, Scand. J. Stat. 1979)."""
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, (len(p_values) - rank) * p_values[index])
        adjusted[index] = min(1.0, largest)
    return adjusted


def bootstrap_interval(
    differences: Sequence[float], level: float, rng: np.random.Generator
) -> Interval:
    """Percentile bootstrap interval of the mean."""
    array = np.asarray(differences, dtype=float)
    means = array[rng.integers(len(array), size=(DRAWS, len(array)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
