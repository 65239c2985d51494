"""Neurons as points, their leverages, and the methods that sample by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from baselines.coreset_ellipsoid import coreset_ellipsoid
from baselines.coresets.points import weighted_rows
from baselines.leverage import leverage, leverages
from tests.units import KINDS, make_unit, rescaled
from tropnnc import TropnncError, make_method
from tropnnc.unit import Depthwise


@pytest.mark.parametrize("kind", KINDS)
def test_the_points_are_rows_times_the_largest_outgoing_weight(kind: str) -> None:
    unit = make_unit(kind, np.random.default_rng(0))
    for p, row in enumerate(weighted_rows(unit)):
        largest = max(abs(x) for c in unit.consumers for x in c.outgoing[:, p].ravel())
        expected = largest * np.append(unit.filters[p], unit.filter_bias[p])
        np.testing.assert_allclose(row, expected)


def test_the_points_bound_what_comes_through_clips_and_depthwise_convolutions() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(10, 4))
    stage = Depthwise("d", rows, rows[:, :-1], rows[:, -1], None, cap=1.1)
    unit = replace(make_unit("linear", rng), cap=0.8, depthwise=(stage,))
    points = weighted_rows(unit)
    largest = np.abs(unit.outgoing).max(axis=1)
    for x in rng.normal(size=(100, 6)):
        hidden = np.clip(unit.incoming @ np.append(x, 1), 0, 0.8)
        seen = np.clip(rows[:, :-1].sum(axis=1) * hidden + rows[:, -1], 0, 1.1)
        bound = np.abs(points[:, :-1] @ np.append(x, 1)) + points[:, -1]
        assert (largest * seen <= bound + 1e-12).all()


@pytest.mark.parametrize("make", [coreset_ellipsoid, leverage])
def test_a_neurons_scale_does_not_change_its_score(make: type) -> None:
    unit = make_unit("linear", np.random.default_rng(1), neurons=40)
    other = rescaled(unit, np.random.default_rng(2).uniform(0.2, 5.0, 40))
    one, two = (make(rank=3).prepare(u, np.random.default_rng(0)) for u in (unit, other))
    np.testing.assert_allclose(one.probability, two.probability, rtol=1e-9)
    assert len(set(one.probability.round(12))) > 2


def test_leverages_of_independent_rows_are_1() -> None:
    rows = np.random.default_rng(4).normal(size=(30, 60)) * np.arange(1, 31)[:, None]
    np.testing.assert_allclose(leverages(rows, 30), 1, atol=1e-12)


def test_leverages_truncated_sum_to_their_rank() -> None:
    rows = np.random.default_rng(5).normal(size=(50, 12))
    assert leverages(rows, 5).sum() == pytest.approx(5)
    assert leverages(rows, 99).sum() == pytest.approx(12)


def test_of_full_rank_leverage_is_uniform_sampling() -> None:
    """relatives.md B.5, limits (i): why both scores are truncated."""
    unit = make_unit("conv", np.random.default_rng(6))
    full = leverage(rank=10).prepare(unit, np.random.default_rng(0)).probability
    np.testing.assert_allclose(full, 0.1)
    truncated = leverage(rank=3).prepare(unit, np.random.default_rng(0)).probability
    assert truncated.max() > 1.2 * truncated.min()


def test_a_unit_without_weights_is_sampled_uniformly() -> None:
    unit = make_unit("linear", np.random.default_rng(7))
    silent = replace(unit, incoming=np.zeros_like(unit.incoming))
    for method in (coreset_ellipsoid(), leverage()):
        state = method.prepare(silent, np.random.default_rng(0))
        np.testing.assert_allclose(state.probability, 0.1)


@pytest.mark.parametrize("rank", [0, 9])
def test_a_rank_out_of_range_is_refused(rank: int) -> None:
    with pytest.raises(TropnncError, match=f"rank = {rank} is out of range; accepted are 1 to 8"):
        coreset_ellipsoid(rank=rank)


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        ("coreset_ellipsoid", {"rank": 2.5}, "rank = 2.5; accepted are whole numbers"),
        ("coreset_ellipsoid", {"rank": "x"}, "rank = 'x'; accepted are whole numbers"),
        ("coreset_ellipsoid", {"outermost": "no"}, "outermost = 'no'; accepted are true and false"),
        ("leverage", {"rank": 2.5}, "rank = 2.5; accepted are whole numbers"),
    ],
)
def test_an_option_of_another_kind_is_refused(
    method: str, options: dict[str, object], said: str
) -> None:
    with pytest.raises(TropnncError, match=said):
        make_method(method, **options)


def test_a_leverage_of_no_vector_is_refused() -> None:
    with pytest.raises(TropnncError, match="rank = 0 is out of range, accepted are 1 and more"):
        leverage(rank=0)
