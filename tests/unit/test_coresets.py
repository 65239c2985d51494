"""Löwner ellipsoids, Carathéodory, peeling: golden values and guarantees (B.10)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.coresets.caratheodory import caratheodory, convex_weights
from baselines.coresets.ellipsoid import lowner
from baselines.coresets.peeling import Peeling, principal
from tropnnc import TropnncError
from tropnnc.unit import Array

SQUARE = np.array([[1.0, 1], [1, -1], [-1, 1], [-1, -1]])
TRIANGLE = np.array([[0.0, 0], [1, 0], [0, 1]])
PEELINGS = [Peeling(outermost=True), Peeling(outermost=False)]

both = pytest.mark.parametrize("peeling", PEELINGS)


def cloud(seed: int, count: int, rank: int) -> Array:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, rank)) * rng.exponential(size=(count, 1)) + rng.normal(size=rank)


def test_the_ellipsoid_of_a_square_is_its_circle() -> None:
    found = lowner(SQUARE, 1e-9)
    np.testing.assert_allclose(found.shape, np.eye(2) / 2, atol=1e-12)
    np.testing.assert_allclose(found.centre, 0, atol=1e-12)
    np.testing.assert_allclose(found.weights, 0.25)


def test_the_ellipsoid_of_a_triangle_touches_its_corners() -> None:
    found = lowner(TRIANGLE, 1e-9)
    np.testing.assert_allclose(found.shape, [[3, 1.5], [1.5, 3]])
    np.testing.assert_allclose(found.centre, 1 / 3)
    np.testing.assert_allclose(found.levels(TRIANGLE), 1)


def test_points_inside_have_no_weight_and_no_part_in_it() -> None:
    inside = np.random.default_rng(0).uniform(-0.9, 0.9, (40, 2))
    found = lowner(np.concatenate([SQUARE, inside]), 1e-3)
    np.testing.assert_allclose(found.shape, np.eye(2) / 2, atol=1e-3)
    assert found.weights[4:].sum() < 1e-2


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 999), rank=st.integers(1, 6), tolerance=st.sampled_from([0.1, 1e-2]))
def test_the_ellipsoid_holds_all_points_and_shrunk_by_its_rank_lies_in_their_hull(
    seed: int, rank: int, tolerance: float
) -> None:
    points = cloud(seed, 60, rank)
    found = lowner(points, tolerance)
    # (1 + tolerance)(r + 1) bounds the lifted level, of which r times the level is all but 1.
    assert found.levels(points).max() <= 1 + tolerance * (rank + 1) / rank + 1e-9
    for end in found.john_vertices:
        weights = convex_weights(points, end, found.levels(points))
        np.testing.assert_allclose(weights @ points, end, atol=1e-8)
        assert np.count_nonzero(weights) <= rank + 1


def test_an_ellipsoid_of_no_tolerance_is_refused() -> None:
    with pytest.raises(TropnncError, match="tolerance = 0 is out of range"):
        lowner(SQUARE, 0)


def test_a_point_outside_is_no_combination() -> None:
    with pytest.raises(ValueError, match="no convex combination"):
        convex_weights(SQUARE, np.array([1.1, 0.0]), np.zeros(4))


def test_caratheodory_leaves_seven_of_500_points_in_six_dimensions() -> None:
    rng = np.random.default_rng(0)
    points, weights = rng.normal(size=(500, 6)), rng.dirichlet(np.ones(500))
    few = caratheodory(points, weights)
    assert np.count_nonzero(few) == 7
    assert few.min() >= 0
    assert few.sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(few @ points, weights @ points, atol=1e-14)


@both
@pytest.mark.parametrize(("count", "rank"), [(2000, 3), (300, 6)])
def test_a_coreset_has_nearly_the_extent_of_all(peeling: Peeling, count: int, rank: int) -> None:
    rng = np.random.default_rng(1)
    points, queries = rng.normal(size=(count, rank)), rng.normal(size=(rank, 5000))
    chosen = peeling.extent_coreset(points)
    assert rank + 1 <= len(chosen) <= 2 * rank * (rank + 1)
    ratio = np.abs(points @ queries).max(axis=0) / np.abs(points[chosen] @ queries).max(axis=0)
    assert 1 < ratio.max() <= 1 + (1 + peeling.tolerance) ** 2 * rank**1.5


@both
@pytest.mark.parametrize(
    "points",
    [
        np.zeros((9, 3)),
        np.zeros((9, 0)),
        np.repeat(np.eye(3), 9, axis=0),
        np.outer(np.arange(9), [1.0, 2, 3]),
        cloud(0, 60, 4),
    ],
    ids=["nothing", "no dimension", "three places", "a line", "a cloud"],
)
def test_peeling_takes_every_point_once(peeling: Peeling, points: Array) -> None:
    rounds = peeling.rounds(points)
    assert sorted(np.concatenate(rounds)) == list(range(len(points)))
    assert all(len(chosen) for chosen in rounds[:-1])
    assert len(rounds[-1]) <= 2 * points.shape[1]
    scores = peeling.sensitivities(points)
    assert [set(scores[own]) for own in rounds if len(own)] == [
        {1 / i} for i, own in enumerate(rounds, start=1) if len(own)
    ]


@both
def test_of_independent_rows_in_all_dimensions_the_ellipsoid_says_nothing(peeling: Peeling) -> None:
    """relatives.md B.5, limits (i): why the points are truncated."""
    rows = np.random.default_rng(5).normal(size=(30, 60))
    assert len(peeling.extent_coreset(principal(rows, 30))) == 30
    assert set(peeling.sensitivities(principal(rows, 30))) == {1.0}
    assert len(set(peeling.sensitivities(principal(rows, 3)))) > 1


def test_the_outermost_points_are_the_same_in_all_coordinates() -> None:
    rng, points = np.random.default_rng(2), cloud(3, 50, 3)
    scores = PEELINGS[0].sensitivities(points)
    for _ in range(2):
        moved = points @ rng.normal(size=(3, 3)) + rng.normal(size=3)
        np.testing.assert_array_equal(PEELINGS[0].sensitivities(moved), scores)
