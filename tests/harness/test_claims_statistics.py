"""Paired inference against scipy, closed forms and Holm's own arithmetic."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from experiments.claims.statistics import (
    Paired,
    bootstrap_interval,
    difference_p,
    equivalence_p,
    holm,
    paired,
)

OURS = np.array([96.1, 95.4, 97.0, 94.8, 96.6])
THEIRS = np.array([95.0, 95.1, 95.2, 94.9, 95.5])
differences = st.lists(
    st.floats(-50, 50, allow_nan=False).map(lambda x: round(x, 3)), min_size=3, max_size=10
)


def test_interval_and_p_are_those_of_the_paired_t_test() -> None:
    expected = stats.ttest_rel(OURS, THEIRS)
    sample = paired((OURS - THEIRS).tolist())
    assert difference_p(sample) == pytest.approx(expected.pvalue, rel=1e-12)
    assert sample.interval(0.95) == pytest.approx(tuple(expected.confidence_interval(0.95)))


def test_interval_of_three_values_by_hand() -> None:
    # t(0.975, 2) = 4.302653 of any table; mean 2, standard error 1/√3.
    assert paired([1.0, 2.0, 3.0]).interval(0.95) == pytest.approx((-0.484138, 4.484138), abs=1e-6)


def test_equivalence_is_two_one_sided_tests() -> None:
    values = (OURS - THEIRS).tolist()
    _, lower = stats.ttest_1samp(values, -2.0, alternative="greater")
    _, upper = stats.ttest_1samp(values, 2.0, alternative="less")
    assert equivalence_p(paired(values), 2.0) == pytest.approx(np.max([lower, upper]), rel=1e-12)


def test_outside_the_margin_p_is_that_of_being_inside_after_all() -> None:
    values = [4.0, 5.0, 6.0]
    _, expected = stats.ttest_1samp(values, 2.0, alternative="greater")
    assert equivalence_p(paired(values), 2.0) == pytest.approx(expected)
    assert equivalence_p(paired([-v for v in values]), 2.0) == pytest.approx(expected)


def test_holm_on_a_known_example() -> None:
    # 4·.005, 3·.01, 2·.03 and then no less than what came before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_lies_between_no_correction_and_bonferronis(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= min(1.0, len(p_values) * p) + 1e-15
    assert min(adjusted) == min(1.0, len(p_values) * min(p_values))


@given(differences, st.floats(-20, 20).map(lambda x: round(x, 3)))
def test_adding_a_constant_shifts_the_interval(values: list[float], shift: float) -> None:
    moved = paired([value + shift for value in values]).interval(0.95)
    assert moved == pytest.approx([e + shift for e in paired(values).interval(0.95)], abs=1e-6)


@given(differences, st.sampled_from([0.5, 2.0]))
def test_p_and_interval_decide_alike(values: list[float], margin: float) -> None:
    sample = paired(values)
    low, high = sample.interval(0.95)
    if min(abs(low), abs(high)) > 1e-6:
        assert (difference_p(sample) < 0.05) == (low > 0 or high < 0)
    low, high = sample.interval(0.90)
    if min(abs(abs(low) - margin), abs(abs(high) - margin)) > 1e-6:
        inside, outside = -margin < low and high < margin, low > margin or high < -margin
        assert (equivalence_p(sample, margin) < 0.05) == (inside or outside)


def test_differences_without_spread() -> None:
    assert difference_p(Paired(1.5, 0.0, 3)) == 0.0
    assert difference_p(Paired(0.0, 0.0, 3)) == 1.0
    assert Paired(1.5, 0.0, 3).interval(0.95) == (1.5, 1.5)


def test_bootstrap_repeats_and_nears_the_normal_interval() -> None:
    values = np.random.default_rng(0).normal(1.0, 2.0, 400).tolist()
    first, second = (bootstrap_interval(values, 0.95, np.random.default_rng(1)) for _ in range(2))
    assert first == second
    assert first == pytest.approx(paired(values).interval(0.95), abs=0.03)
