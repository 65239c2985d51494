"""Facts of theory.md, sections 1 and 2: the Hausdorff distance of zonotopes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.zonotopes import (
    dimensions,
    exact_distance,
    random_pair,
    random_zonotope,
    seeds,
    several,
)
from tropnnc.errors import TropnncError
from tropnnc.geometry import Interval, Zonotope, bracket, hausdorff, hausdorff_vertices
from tropnnc.geometry.difference import Difference, difference
from tropnnc.geometry.vertexwise import vertexwise_distance
from tropnnc.unit import Array


def _gap(p: Zonotope, q: Zonotope, directions: Array) -> Array:
    """``|h_P − h_Q|`` in the directions of the rows."""
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return np.abs(p.support(directions) - q.support(directions))


def _gap_at(p: Zonotope, q: Zonotope, angles: Array) -> Array:
    return _gap(p, q, np.stack([np.cos(angles), np.sin(angles)], axis=1))


@several
@given(seeds)
def test_planar_distance_is_that_of_all_directions(seed: int) -> None:
    p, q = random_pair(seed, 2, most=9)
    angles, width = np.linspace(-np.pi, np.pi, 2000), np.pi / 1000
    gaps = _gap_at(p, q, angles)
    for _ in range(4):
        best = angles[np.argsort(gaps)[-8:]]
        angles = (best[:, None] + np.linspace(-width, width, 101)).ravel()
        gaps = _gap_at(p, q, angles)
        width /= 40
    distance = exact_distance(p, q)
    assert gaps.max() <= distance + 1e-12 * (p.length + q.length)
    assert gaps.max() >= distance * (1 - 1e-6) - 1e-12 * (p.length + q.length)


@several
@given(seeds)
def test_critical_directions_and_vertices_agree_in_the_plane(seed: int) -> None:
    p, q = random_pair(seed, 2, most=9)
    found = vertexwise_distance(difference(p, q))
    assert found.exact
    assert found.lower == pytest.approx(exact_distance(p, q), abs=1e-9)


@several
@given(seeds, st.integers(3, 5))
def test_distance_is_that_of_the_farthest_subset_sum(seed: int, dim: int) -> None:
    p, q = random_pair(seed, dim, most=5)
    brute = 0.0
    for one, other in ((p, q), (q, p)):
        count = len(one.generators)
        sums = np.array(list(product((0.0, 1.0), repeat=count))) @ one.generators
        brute = max(brute, float(other.distance(sums).max()))
    distance = exact_distance(p, q)
    assert distance == pytest.approx(brute, abs=1e-9)
    directions = np.random.default_rng(seed).normal(size=(500, dim))
    assert (_gap(p, q, directions) <= distance + 1e-9).all()


@several
@given(seeds, dimensions)
def test_a_metric(seed: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    p, q, r = (random_zonotope(rng, dim, most=4) for _ in range(3))
    assert exact_distance(p, q) == pytest.approx(exact_distance(q, p), abs=1e-9)
    assert exact_distance(p, r) <= exact_distance(p, q) + exact_distance(q, r) + 1e-9


@several
@given(seeds, st.integers(2, 6), st.integers(1, 8))
def test_zero_for_other_generators_of_the_same_set(seed: int, dim: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    generators = rng.normal(size=(n, dim))
    shares = rng.dirichlet(np.ones(3), size=n)
    split = (shares.T[:, :, None] * generators).reshape(-1, dim)
    other = np.concatenate([rng.permutation(split), np.zeros((2, dim))])
    p, q = Zonotope(generators), Zonotope(other)
    assert hausdorff(p, q).upper < 1e-12 * p.length
    assert bracket(p, q).upper < 1e-12 * p.length
    # Another set: one generator turned round moves all by its length, one more adds its own.
    turned = generators.copy()
    turned[0] *= -1
    length = float(np.linalg.norm(generators[0]))
    assert exact_distance(p, Zonotope(turned)) == pytest.approx(length)
    assert bracket(p, Zonotope(turned)).upper == pytest.approx(length)
    assert exact_distance(p, Zonotope(generators[1:])) == pytest.approx(length)


@several
@given(seeds, dimensions)
def test_moves_with_scaling_rotation_and_not_with_a_common_summand(seed: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    p, q = random_pair(seed, dim, most=5)
    distance = exact_distance(p, q)
    turn, scale = np.linalg.qr(rng.normal(size=(dim, dim)))[0], rng.uniform(0.1, 10)
    moved = (Zonotope(scale * z.generators @ turn) for z in (p, q))
    assert exact_distance(*moved) == pytest.approx(scale * distance, abs=1e-9)
    common = Zonotope(rng.normal(size=(3, dim)))
    assert exact_distance(p + common, common + q) == pytest.approx(distance, abs=1e-9)
    uncancelled = vertexwise_distance(Difference(p + common, common + q))
    assert uncancelled.lower == pytest.approx(distance, abs=1e-9)


def test_bad_input_is_one_clear_line() -> None:
    p, q = Zonotope(np.zeros((2, 2))), Zonotope(np.zeros((1, 3)))
    for measure in (hausdorff, hausdorff_vertices, bracket):
        with pytest.raises(TropnncError, match="2 and 3 dimensions"):
            measure(p, q)
    for clusters in ([0], [0, 1], [0, -1]):
        with pytest.raises(TropnncError, match="one index below 1"):
            bracket(p, Zonotope(np.ones((1, 2))), np.array(clusters))
    with pytest.raises(TropnncError, match="0 ≤ lower ≤ upper"):
        Interval(2.0, 1.0)
