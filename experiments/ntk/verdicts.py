"""The headline, split into statements that measurements support or contradict.

Written before the sweep was run. The unit of replication is a draw of the hidden weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from baselines.ntk_lc.storage import CONVENTIONS, Convention
from experiments.ntk.curves import Factor, Point, bootstrap, equal_accuracy, of_method, points
from experiments.ntk.rows import AccuracyRow, SpectrumRow
from experiments.report.statistics import Sample, grouped, sample
from experiments.track.verdicts import Verdict, verdict
from tropnnc.seeding import derive_rng

MARGIN, CLAIMED, LEVEL = 0.5, 1e3, 0.95
SPARSITY = 0.9  # "up to 90 % zeros"
# A last piece of the curve that falls by no more than this slope is a plateau.
FLAT = -0.05
KERNELS = {
    "conjugate": "expected conjugate kernel",
    "tangent": "expected NTK off its diagonal",
    "finite": "single networks as wide as n (the theorem speaks of expectations)",
}


def non_inferiority(rows: Sequence[AccuracyRow]) -> list[Verdict]:
    """Same widths: is NTK-LC less than :data:`MARGIN` points below the original?

    By Welch's interval of the difference of means: supported where its lower end is above the
    margin, contradicted where its upper end is below.
    """
    verdicts = []
    for data, own in grouped(rows, lambda row: row.data).items():
        originals = {point.widths: point for point in points(of_method(own, "original", 0.0))}
        for point in points(of_method(own, "ntk_lc", SPARSITY)):
            if point.widths in originals:
                verdicts.append(_same_width(data, point, originals[point.widths]))
    return verdicts


def memory_factors(rows: Sequence[AccuracyRow]) -> list[Verdict]:
    """Equal accuracy: :data:`CLAIMED` times fewer bits, under each convention.

    Tried at the accuracy of the widest NTK-LC measured; interval by resampling draws. Where an
    original may be larger than those measured, nothing contradicts the claim.
    """
    verdicts = []
    for data, own in grouped(rows, lambda row: row.data).items():
        originals = points(of_method(own, "original", 0.0))
        ternary = points(of_method(own, "ntk_lc", SPARSITY))
        if originals and ternary:
            verdicts += [_factor(data, ternary[-1], originals, name) for name in CONVENTIONS]
    return verdicts


def asymptotics(rows: Sequence[SpectrumRow]) -> list[Verdict]:
    """Does the error between the kernels vanish: slope of log error on log n, and its last piece?

    A slope per draw of the data, t intervals over draws. Supported where both slopes are below
    zero for certain, contradicted where one of them is not: a last piece above :data:`FLAT` is a
    plateau.
    """
    exact = [row for row in rows if row.other == "ntk_lc"]
    return [_slope(kernel, own) for kernel, own in grouped(exact, lambda row: row.kernel).items()]


def slopes(rows: Sequence[SpectrumRow], last: bool) -> list[float]:
    """By draw, over all ``n`` or between the two largest."""
    found = []
    for own in grouped(rows, lambda row: row.draw).values():
        ordered = sorted(own, key=lambda row: row.n)[-2 if last else 0 :]
        xs = np.log([row.n for row in ordered])
        found.append(float(np.polyfit(xs, np.log([row.error for row in ordered]), 1)[0]))
    return found


def _same_width(data: str, point: Point, original: Point) -> Verdict:
    difference, reach = welch(point.accuracy, original.accuracy)
    low, high = difference - reach, difference + reach
    return Verdict(
        f"no more than {MARGIN:g} point less accurate at equal widths",
        f"{data}, {point.widths}",
        f"{difference:+.1f} points",
        f"{low:+.1f} to {high:+.1f}",
        verdict(low > -MARGIN, high < -MARGIN),
    )


def _factor(data: str, point: Point, originals: Sequence[Point], convention: Convention) -> Verdict:
    bits = point.bits[convention]
    sizes = [each.bits[convention] for each in originals]

    def factor(means: Sequence[float]) -> Factor:
        return equal_accuracy(means[0], bits, list(zip(sizes, means[1:], strict=True)))

    groups = [point.accuracies, *(each.accuracies for each in originals)]
    found = factor([float(np.mean(group)) for group in groups])
    low, high = bootstrap(factor, groups, derive_rng(0, "ntk factor", data, convention))
    return Verdict(
        f"{CLAIMED:,.0f} times fewer bits at equal accuracy, counted by {convention}",
        f"{data}, {point.widths} at {point.accuracy.mean:.1f} %",
        f"{found.side} {found.value:.3g} times".lstrip("= "),
        f"{low:.3g} to {high:.3g}".replace("inf", "∞"),
        verdict(low >= CLAIMED, high < CLAIMED),
    )


def _slope(kernel: str, rows: Sequence[SpectrumRow]) -> Verdict:
    overall, last = (_interval(slopes(rows, last)) for last in (False, True))
    sizes = sorted({row.n for row in rows})
    falls = overall[2] < 0 and last[2] < 0
    return Verdict(
        "asymptotically equivalent: the error falls with n, without a plateau",
        f"{KERNELS[kernel]}, n = {sizes[0]} to {sizes[-1]}",
        f"slope {overall[0]:+.2f}, last piece {last[0]:+.2f}",
        f"{overall[1]:+.2f} to {overall[2]:+.2f}, last {last[1]:+.2f} to {last[2]:+.2f}",
        verdict(falls, overall[1] > 0 or last[1] > FLAT),
    )


def welch(first: Sample, second: Sample) -> tuple[float, float]:
    """Difference of the means, and half of its interval; 0 where neither sample varies.

    A single draw says nothing of how draws vary: its interval has no ends.
    """
    parts = [one.sd**2 / one.n for one in (first, second)]
    difference = first.mean - second.mean
    if min(first.n, second.n) < 2:
        return difference, np.inf
    if sum(parts) == 0:
        return difference, 0.0
    freedom = sum(parts) ** 2 / sum(
        part**2 / (one.n - 1) for part, one in zip(parts, (first, second), strict=True)
    )
    return difference, float(stats.t.ppf((1 + LEVEL) / 2, freedom)) * sum(parts) ** 0.5


def _interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Mean and t interval; that of a single draw has no ends."""
    found = sample(values)
    if found.n < 2:
        return found.mean, -np.inf, np.inf
    reach = float(stats.t.ppf((1 + LEVEL) / 2, found.n - 1)) * found.sd / found.n**0.5
    return found.mean, found.mean - reach, found.mean + reach
