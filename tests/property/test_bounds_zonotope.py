"""(B0) to (B4) of theory.md on random zonotopes, against their true distance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tropnnc import TropnncError
from tropnnc.bounds import (
    centroid_bound,
    homogeneous_radius,
    inertia_bound,
    misiakos_bound,
    outputs_bound,
    polynomial_bound,
    simplex_bound,
)
from tropnnc.clustering import kmeans, membership, number_by_first_member
from tropnnc.geometry import Zonotope, hausdorff, positive_negative, tropical_polynomial
from tropnnc.unit import Array, IntArray

seeds = st.integers(0, 2**32 - 1)
dimensions = st.integers(2, 3)
several = settings(max_examples=30, deadline=None)


def _clustered(seed: int, dimension: int, n: int = 9) -> tuple[Array, IntArray]:
    """Generators of very different lengths in random clusters, not always the nearest ones."""
    rng = np.random.default_rng(seed)
    generators = rng.normal(size=(n, dimension)) * rng.lognormal(size=(n, 1))
    if rng.random() < 0.5:
        return generators, kmeans(generators, int(rng.integers(1, n + 1)), seed, n_init=1)
    labels = number_by_first_member(rng.integers(0, rng.integers(1, n + 1), size=n))
    return generators, labels


def _true_distance(generators: Array, labels: IntArray, mean: bool = False) -> float:
    members = membership(labels)
    merged = members @ generators / (members.sum(axis=1, keepdims=True) if mean else 1.0)
    return hausdorff(Zonotope(generators), Zonotope(merged)).lower


@several
@given(seeds, dimensions)
def test_sums_stay_within_every_bound(seed: int, dimension: int) -> None:
    generators, labels = _clustered(seed, dimension)
    distance = _true_distance(generators, labels)
    centroid = centroid_bound(generators, labels)
    slack = 1e-9 * np.linalg.norm(generators)
    assert distance <= centroid + slack
    assert centroid <= inertia_bound(generators, labels) + slack
    assert distance <= simplex_bound(generators, labels) + slack
    weights = np.random.default_rng(seed).exponential(size=len(labels))
    weights /= (membership(labels) @ weights)[labels]
    assert distance <= simplex_bound(generators, labels, weights) + slack
    uniform = 1.0 / np.bincount(labels)[labels]
    assert simplex_bound(generators, labels, uniform) == pytest.approx(centroid)


@several
@given(seeds, dimensions)
def test_means_stay_within_the_bound_of_misiakos(seed: int, dimension: int) -> None:
    generators, labels = _clustered(seed, dimension)
    bound = misiakos_bound(generators, labels)
    assert _true_distance(generators, labels, mean=True) <= bound * (1 + 1e-9)


@several
@given(seeds)
def test_projection_weights_are_the_sines_of_the_angles(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], 4)
    # Every member within 45° of its cluster's axis, so that all coefficients are positive.
    axes = np.eye(5)[[0, 1]][labels]
    generators = (axes + 0.4 * rng.uniform(-1, 1, size=(8, 5))) * rng.lognormal(size=(8, 1))
    sums = (membership(labels) @ generators)[labels]
    cosines = (generators * sums).sum(axis=1)
    cosines /= np.linalg.norm(generators, axis=1) * np.linalg.norm(sums, axis=1)
    assert (cosines > 0).all()
    sines = np.sqrt(1 - cosines**2)
    expected = 0.5 * np.linalg.norm(generators, axis=1) @ sines
    assert simplex_bound(generators, labels) == pytest.approx(expected)


@several
@given(seeds, dimensions, st.integers(-8, 8))
def test_bounds_scale_with_the_generators(seed: int, dimension: int, exponent: int) -> None:
    generators, labels = _clustered(seed, dimension)
    scale = 2.0**exponent
    for bound in (centroid_bound, inertia_bound, simplex_bound, misiakos_bound):
        expected = scale * bound(generators, labels)
        assert bound(scale * generators, labels) == pytest.approx(expected)


def test_alone_in_its_cluster_a_generator_costs_nothing() -> None:
    generators, labels = np.random.default_rng(0).normal(size=(7, 4)), np.arange(7)
    for bound in (centroid_bound, inertia_bound, simplex_bound, misiakos_bound):
        assert bound(generators, labels) == pytest.approx(0, abs=1e-12)


def test_opposite_generators_have_no_direction_and_attain_the_bound() -> None:
    generators, labels = np.array([[1.0, 0.0], [-1.0, 0.0]]), np.array([0, 0])
    distance = _true_distance(generators, labels)
    assert distance == simplex_bound(generators, labels) == centroid_bound(generators, labels) == 1


def test_the_bound_for_means_does_not_vanish_with_the_clusters_radius() -> None:
    generators, labels = np.tile([[1.0, 2.0]], (6, 1)), np.array([0, 0, 0, 1, 1, 1])
    length = np.hypot(1, 2)
    assert misiakos_bound(generators, labels) == pytest.approx(4 * length)
    assert _true_distance(generators, labels, mean=True) == pytest.approx(4 * length)
    assert centroid_bound(generators, labels) == pytest.approx(0, abs=1e-12)


@several
@given(seeds, st.floats(0, 50))
def test_distances_bound_polynomials_and_outputs_on_the_ball(seed: int, radius: float) -> None:
    rng = np.random.default_rng(seed)
    incoming, outgoing = rng.normal(size=(8, 3)), rng.normal(size=(2, 8))
    other = incoming + 0.5 * rng.normal(size=incoming.shape)
    directions = rng.normal(size=(100, 2))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    inputs = radius * rng.uniform(size=(100, 1)) ** 0.5 * directions
    errors, distances = [], []
    for row in outgoing:
        polytopes = zip(
            positive_negative(incoming, row), positive_negative(other, row), strict=True
        )
        for one, two in polytopes:
            error = tropical_polynomial(one, inputs) - tropical_polynomial(two, inputs)
            distance = hausdorff(one, two).upper
            assert np.abs(error).max() <= polynomial_bound(distance, radius) * (1 + 1e-9)
            errors.append(error)
            distances.append(distance)
    change = np.abs(errors[0] - errors[1]) + np.abs(errors[2] - errors[3])
    bound = outputs_bound(np.array(distances[::2]), np.array(distances[1::2]), radius)
    assert change.max() <= bound * (1 + 1e-9)


def test_the_distance_is_attained_in_its_direction() -> None:
    """(B0) is tight: the direction (3, 4)/5 is (x, 1)/ρ with x = 3/4."""
    apart = np.array([[3.0, 4.0]])
    one, two = Zonotope(apart), Zonotope(2 * apart)
    inputs = np.array([[0.75]])
    gap = tropical_polynomial(two, inputs) - tropical_polynomial(one, inputs)
    assert gap[0] == pytest.approx(polynomial_bound(hausdorff(one, two).upper, 0.75))


@pytest.mark.parametrize("radius", [-1.0, float("nan"), float("inf")])
def test_a_radius_out_of_range_is_one_line(radius: float) -> None:
    with pytest.raises(TropnncError, match=r"radius .* is out of range, accepted are"):
        homogeneous_radius(radius)


@pytest.mark.parametrize("weights", [[0.5, 0.6], [1.5, -0.5]])
def test_weights_outside_the_simplex_are_refused(weights: list[float]) -> None:
    with pytest.raises(TropnncError, match="simplex weights are accepted if"):
        simplex_bound(np.eye(2), np.array([0, 0]), np.array(weights))
