"""Accuracy over storage: points averaged over draws, and what equal accuracy costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from baselines.ntk_lc.storage import Convention
from experiments.ntk.rows import AccuracyRow
from experiments.report.statistics import Sample, grouped, sample


@dataclass(frozen=True)
class Point:
    """A network of given widths: top-1 in percent by draw, and bits by convention."""

    widths: str
    accuracies: tuple[float, ...]
    bits: dict[Convention, float]
    printed_bits: float

    @property
    def accuracy(self) -> Sample:
        """Over the draws."""
        return sample(self.accuracies)


@dataclass(frozen=True)
class Factor:
    """How many times more bits the original needs for the same accuracy.

    ``side``: ``=`` interpolated, ``≤`` its smallest network is more accurate already, ``≥`` its
    largest is less accurate.
    """

    value: float
    side: str

    @property
    def least(self) -> float:
        """The factor is at least so much."""
        return 0.0 if self.side == "≤" else self.value

    @property
    def most(self) -> float:
        """And at most so much: a larger network than those measured may need any number of bits."""
        return np.inf if self.side == "≥" else self.value


def points(rows: Iterable[AccuracyRow]) -> list[Point]:
    """One per widths, the smallest first."""
    found = [
        Point(
            widths,
            tuple(row.accuracy for row in own),
            dict(own[0].bits()),
            own[0].printed_bits,
        )
        for widths, own in grouped(rows, lambda row: row.widths).items()
    ]
    return sorted(found, key=lambda point: point.bits["float32"])


def of_method(rows: Iterable[AccuracyRow], method: str, sparsity: float) -> list[AccuracyRow]:
    """The rows of one curve."""
    return [row for row in rows if row.method == method and row.sparsity == sparsity]


def equal_accuracy(
    accuracy: float, bits: float, originals: Sequence[tuple[float, float]]
) -> Factor:
    """Bits of an original network of this accuracy over ``bits``.

    Between measured networks the logarithm of the bits is linear in the accuracy; a larger network
    that is less accurate than a smaller one is not used.

    Args:
        accuracy: to reach, in percent.
        bits: of the other network.
        originals: ``(bits, accuracy)``, ascending bits.
    """
    useful: list[tuple[float, float]] = []
    for size, reached in originals:
        if not useful or reached > useful[-1][1]:
            useful.append((size, reached))
    sizes, reached = np.array(useful).T
    if accuracy < reached[0]:
        return Factor(float(sizes[0] / bits), "≤")
    if accuracy > reached[-1]:
        return Factor(float(sizes[-1] / bits), "≥")
    return Factor(float(np.exp(np.interp(accuracy, reached, np.log(sizes)))) / bits, "=")


def bootstrap(
    statistic: Callable[[Sequence[float]], Factor],
    groups: Sequence[Sequence[float]],
    rng: np.random.Generator,
    draws: int = 2000,
    level: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval of ``statistic`` of the groups' means, each group resampled.

    A factor that is only bounded reaches as far as that leaves open: down to 0, up to infinity.
    """
    resampled = [
        np.asarray(group)[rng.integers(len(group), size=(draws, len(group)))].mean(axis=1)
        for group in groups
    ]
    factors = [statistic(means) for means in zip(*resampled, strict=True)]
    low = np.quantile([each.least for each in factors], (1 - level) / 2, method="lower")
    high = np.quantile([each.most for each in factors], (1 + level) / 2, method="higher")
    return float(low), float(high)
