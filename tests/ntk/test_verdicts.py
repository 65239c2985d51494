"""What is made of NTK-LC's rows: curves, factors, verdicts, the paper's points."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.ntk.curves import Factor, bootstrap, equal_accuracy, points
from experiments.ntk.published import read_published
from experiments.ntk.rows import AccuracyRow, SpectrumRow, accuracy_row
from experiments.ntk.settings import AccuracyCell
from experiments.ntk.verdicts import asymptotics, memory_factors, non_inferiority, welch
from experiments.report.statistics import sample
from tests.harness.cells import ROOT


def a_row(method: str, draw: int, correct: int, weights: int, widths: str = "5x5") -> AccuracyRow:
    sparsity = 0.9 if method == "ntk_lc" else 0.0
    nonzeros = weights // 10 if method == "ntk_lc" else weights
    return AccuracyRow(
        "mnist",
        method,
        sparsity,
        widths,
        draw,
        "ridge",
        60,
        10,
        1000,
        correct,
        10,
        5,
        weights,
        nonzeros,
        1.0,
        0.0,
        1.0,
        "",
        f"{method}{draw}",
        1.0,
    )


def test_equal_accuracy_by_hand() -> None:
    curve = [(100.0, 80.0), (300.0, 79.0), (10_000.0, 90.0)]
    # Half way from 80 to 90, in the logarithm: √(100·10,000); the worse network is not used.
    between = equal_accuracy(85.0, 10.0, curve)
    assert (between.value, between.side) == (pytest.approx(100.0), "=")
    assert equal_accuracy(70.0, 10.0, curve) == Factor(10.0, "≤")
    assert equal_accuracy(95.0, 10.0, curve) == Factor(1000.0, "≥")


def test_same_width_verdicts() -> None:
    original = [a_row("original", draw, 900 + draw, 1000) for draw in range(5)]
    for lost, verdict in ((0, "supported"), (50, "contradicted"), (5, "inconclusive")):
        ternary = [a_row("ntk_lc", draw, 900 + draw - lost, 1000) for draw in range(5)]
        [found] = non_inferiority([*original, *ternary])
        assert found.verdict == verdict


@given(st.lists(st.floats(80, 99), min_size=3, max_size=5), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_interval_of_a_difference_is_welchs(first: list[float], seed: int) -> None:
    first[0] += 0.5
    second = np.random.default_rng(seed).normal(90, 1, 5)
    difference, reach = welch(sample(first), sample(second))
    theirs = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert (difference - reach, difference + reach) == pytest.approx((theirs.low, theirs.high))
    assert welch(sample([90.0] * 3), sample([89.0] * 5)) == (1.0, 0.0)
    assert welch(sample([90.0]), sample([89.0] * 5)) == (1.0, np.inf)


def test_factor_verdicts() -> None:
    """The original of a thousandth of the weights is as accurate: the factor is 32/.2/1000."""
    originals = [
        a_row("original", draw, correct + draw, weights, widths)
        for draw in range(5)
        for weights, correct, widths in ((10**4, 880, "1x1"), (10**7, 950, "5x5"))
    ]
    ternary = [a_row("ntk_lc", draw, 880 + draw, 10**7) for draw in range(5)]
    verdicts = memory_factors([*originals, *ternary])
    assert [each.verdict for each in verdicts] == ["contradicted"] * 5
    # As accurate as the large one, and nearly all of its bits are hidden weights: 32/.2 times.
    equal = [a_row("ntk_lc", draw, 950 + draw, 10**7) for draw in range(5)]
    nominal = memory_factors([*originals, *equal])[0]
    assert float(nominal.found.split()[0]) == pytest.approx(160, rel=0.02)
    # In half of the resamples no original measured is as accurate: a larger one may need more.
    assert nominal.interval.endswith("to ∞")
    assert nominal.verdict == "inconclusive"
    with_larger = [*originals, *(a_row("original", d, 970, 10**8, "9x9") for d in range(5))]
    assert memory_factors([*with_larger, *equal])[0].verdict == "contradicted"
    seed = memory_factors([*originals, *equal])[3]
    assert float(seed.found.split()[0]) == pytest.approx(1, rel=0.2)


def test_asymptotic_verdicts() -> None:
    def rows(plateau: float) -> list[SpectrumRow]:
        rng = np.random.default_rng(0)
        return [
            SpectrumRow(
                n,
                4 * n,
                draw,
                "conjugate",
                "ntk_lc",
                1.0,
                (n**-0.5 + plateau) * float(np.exp(rng.normal() / 100)),
                1.0,
                0.4,
                "",
            )
            for draw in range(5)
            for n in (250, 500, 1000, 2000, 4000)
        ]

    assert asymptotics(rows(0.0))[0].verdict == "supported"
    assert asymptotics(rows(3.0))[0].verdict == "contradicted"


def test_bootstrap_of_a_constant() -> None:
    rng = np.random.default_rng(0)
    groups = [[3.0] * 5, [1.0] * 4]

    def ends(side: str) -> tuple[float, float]:
        return bootstrap(lambda means: Factor(means[0] - means[1], side), groups, rng)

    assert ends("=") == (2, 2)
    assert ends("≤") == (0, 2)  # the smallest network measured is more accurate already
    assert ends("≥") == (2, np.inf)


def test_published_points() -> None:
    found = read_published(ROOT / "results")
    assert len(found) == 75
    largest = [p for p in found if (p.data, p.widths) == ("mnist", "20000x20000x11000")]
    assert {p.method: p.accuracy for p in largest}["NTK-LC eps=.9"] == 91.7
    # ntk_lc.md 1.5: what the headline needs: 4.98e9 bits at .872 against 8.08e6 at .868.
    by_bits = {p.bits: p.accuracy for p in found}
    assert (by_bits[4.98e9], by_bits[8.08e6]) == (87.2, 86.8)


def test_points_are_ordered_by_size() -> None:
    rows = [a_row("original", d, 900, w, str(w)) for d in range(2) for w in (9, 1000, 50)]
    assert [point.widths for point in points(rows)] == ["9", "50", "1000"]
    cell = AccuracyCell("mnist", "ntk_lc", 0.9, (40, 30, 20), 0, "ridge", 60)
    record = {"config": cell.determinants(), "identity": "x", "bits": ""}
    record |= {"train_images": 1, "classes": 2, "total": 4, "correct": 3, "weights": 9}
    record |= {"validation_total": 1, "validation": 1, "nonzeros": 3, "timing": {"s": 1.0}}
    assert accuracy_row(record).accuracy == 75.0
