"""Facts of theory.md, sections 1 and 2: the Hausdorff distance of zonotopes."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tropnnc.errors import TropnncError
from tropnnc.geometry import Interval, Zonotope, bracket, hausdorff, hausdorff_vertices
from tropnnc.geometry.difference import Difference, difference
from tropnnc.geometry.matching import bound_of_sum, matched_residuals, upper_bound
from tropnnc.geometry.vertexwise import vertexwise_distance
from tropnnc.unit import Array, IntArray

seeds = st.integers(0, 2**32 - 1)
small = st.integers(2, 4)
several = settings(max_examples=30, deadline=None)


def _random(rng: np.random.Generator, dim: int, most: int = 6) -> Zonotope:
    """Up to ``most`` generators, real or small integers (zeros, parallels and repeats abound)."""
    shape = (int(rng.integers(most + 1)), dim)
    if rng.random() < 0.5:
        return Zonotope(rng.normal(size=shape))
    return Zonotope(rng.integers(-2, 3, size=shape).astype(np.float64))


def _pair(seed: int, dim: int, most: int = 6) -> tuple[Zonotope, Zonotope]:
    rng = np.random.default_rng(seed)
    return _random(rng, dim, most), _random(rng, dim, most)


def _distance(p: Zonotope, q: Zonotope) -> float:
    found = hausdorff(p, q)
    assert found.exact
    return found.lower


def _merged(
    rng: np.random.Generator, n: int, k: int, dim: int
) -> tuple[Zonotope, Zonotope, IntArray]:
    """Generators around k centres, the zonotope of their sums, and the clusters."""
    clusters = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
    generators = rng.normal(size=(k, dim))[clusters] + rng.normal(size=(n, dim)) * rng.uniform(0, 1)
    sums = np.stack([generators[clusters == i].sum(axis=0) for i in range(k)])
    return Zonotope(generators), Zonotope(sums), clusters


def _gap(p: Zonotope, q: Zonotope, directions: Array) -> Array:
    """``|h_P − h_Q|`` in the directions of the rows."""
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    return np.abs(p.support(directions) - q.support(directions))


def _gap_at(p: Zonotope, q: Zonotope, angles: Array) -> Array:
    return _gap(p, q, np.stack([np.cos(angles), np.sin(angles)], axis=1))


@several
@given(seeds)
def test_planar_distance_is_that_of_all_directions(seed: int) -> None:
    p, q = _pair(seed, 2, most=9)
    angles, width = np.linspace(-np.pi, np.pi, 2000), np.pi / 1000
    gaps = _gap_at(p, q, angles)
    for _ in range(4):
        best = angles[np.argsort(gaps)[-8:]]
        angles = (best[:, None] + np.linspace(-width, width, 101)).ravel()
        gaps = _gap_at(p, q, angles)
        width /= 40
    distance = _distance(p, q)
    assert gaps.max() <= distance + 1e-12 * (p.length + q.length)
    assert gaps.max() >= distance * (1 - 1e-6) - 1e-12 * (p.length + q.length)


@several
@given(seeds)
def test_critical_directions_and_vertices_agree_in_the_plane(seed: int) -> None:
    p, q = _pair(seed, 2, most=9)
    found = vertexwise_distance(difference(p, q))
    assert found.exact
    assert found.lower == pytest.approx(_distance(p, q), abs=1e-9)


@several
@given(seeds, st.integers(3, 5))
def test_distance_is_that_of_the_farthest_subset_sum(seed: int, dim: int) -> None:
    p, q = _pair(seed, dim, most=5)
    brute = 0.0
    for one, other in ((p, q), (q, p)):
        count = len(one.generators)
        sums = np.array(list(product((0.0, 1.0), repeat=count))) @ one.generators
        brute = max(brute, float(other.distance(sums).max()))
    distance = _distance(p, q)
    assert distance == pytest.approx(brute, abs=1e-9)
    directions = np.random.default_rng(seed).normal(size=(500, dim))
    assert (_gap(p, q, directions) <= distance + 1e-9).all()


@several
@given(seeds, small)
def test_a_metric(seed: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    p, q, r = (_random(rng, dim, most=4) for _ in range(3))
    assert _distance(p, q) == pytest.approx(_distance(q, p), abs=1e-9)
    assert _distance(p, r) <= _distance(p, q) + _distance(q, r) + 1e-9


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
    assert _distance(p, Zonotope(turned)) == pytest.approx(length)
    assert bracket(p, Zonotope(turned)).upper == pytest.approx(length)
    assert _distance(p, Zonotope(generators[1:])) == pytest.approx(length)


@several
@given(seeds, small)
def test_moves_with_scaling_rotation_and_not_with_a_common_summand(seed: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    p, q = _pair(seed, dim, most=5)
    distance = _distance(p, q)
    turn, scale = np.linalg.qr(rng.normal(size=(dim, dim)))[0], rng.uniform(0.1, 10)
    moved = (Zonotope(scale * z.generators @ turn) for z in (p, q))
    assert _distance(*moved) == pytest.approx(scale * distance, abs=1e-9)
    common = Zonotope(rng.normal(size=(3, dim)))
    assert _distance(p + common, common + q) == pytest.approx(distance, abs=1e-9)
    uncancelled = vertexwise_distance(Difference(p + common, common + q))
    assert uncancelled.lower == pytest.approx(distance, abs=1e-9)


@several
@given(seeds, small)
def test_distance_to_the_origin_is_the_longest_vertex(seed: int, dim: int) -> None:
    p, _ = _pair(seed, dim)
    origin = Zonotope(np.zeros((0, dim)))
    longest = np.linalg.norm(p.vertices(), axis=1).max()
    assert _distance(p, origin) == pytest.approx(longest, abs=1e-9)
    assert hausdorff_vertices(p, origin) == pytest.approx(longest, abs=1e-9)


@several
@given(seeds, small)
def test_discrete_distance_is_never_below_the_continuous_one(seed: int, dim: int) -> None:
    p, q = _pair(seed, dim)
    assert hausdorff_vertices(p, q) >= _distance(p, q) - 1e-9
    assert hausdorff_vertices(p, p + p) >= _distance(p, p + p) - 1e-9


def test_discrete_distance_sees_what_the_continuous_one_does_not() -> None:
    # A square less its corner-cutting generator: the sets are near, a vertex is far from any other.
    square = Zonotope(np.array([[4.0, 0.0], [0.0, 4.0]]))
    slab = Zonotope(np.array([[4.0, 0.0], [0.0, 4.0], [0.1, 0.1]]))
    octagon = Zonotope(np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]))
    assert hausdorff_vertices(square, slab) == pytest.approx(np.hypot(0.1, 0.1))
    assert hausdorff_vertices(square, octagon) == pytest.approx(2.0)
    assert _distance(square, octagon) == pytest.approx(np.sqrt(2))


@several
@given(seeds, small)
def test_the_interval_holds_the_exact_distance(seed: int, dim: int) -> None:
    p, q = _pair(seed, dim)
    exact, slack = _distance(p, q), 1e-12 * (p.length + q.length)
    found = bracket(p, q, seed=seed % 1000)
    assert found.lower - slack <= exact <= found.upper + slack
    # Clusters that have nothing to do with the zonotopes make it wider, never wrong.
    if len(q.generators):
        wild = np.random.default_rng(seed).integers(len(q.generators), size=len(p.generators))
        found = bracket(p, q, clusters=wild)
        assert found.lower - slack <= exact <= found.upper + slack


@several
@given(seeds, small)
def test_matching_bounds_the_distance_and_the_even_part_in_every_direction(
    seed: int, dim: int
) -> None:
    rng = np.random.default_rng(seed)
    p, q = _random(rng, dim, most=3), _random(rng, dim)
    apart = Difference(p, q)
    directions = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    even = apart.values(directions) - np.abs(directions @ apart.centre)
    choices: list[IntArray | None] = [None]
    if len(q.generators):
        choices.append(rng.integers(len(q.generators), size=len(p.generators)))
    for clusters in choices:
        residuals = matched_residuals(p, q, clusters)
        sums = np.abs(directions @ residuals.T).sum(axis=1) / 2
        assert (even <= sums + 1e-9).all()
        assert (sums <= bound_of_sum(residuals)[0] + 1e-9).all()
        assert _distance(p, q) <= upper_bound(apart, clusters)[0] + 1e-9


def test_the_lower_end_is_near_the_exact_distance() -> None:
    # Tight clusters are the hard case: sums err in narrow cones across their heads only.
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        p, q, clusters = _merged(rng, 10, 3, 5)
        exact = _distance(p, q)
        found += [bracket(p, q, clusters).lower / exact, bracket(q, p).lower / exact]
    assert np.median(found) > 0.9999
    assert np.mean(found) > 0.95


@several
@given(seeds, st.integers(2, 12), st.integers(3, 40))
def test_the_upper_end_is_at_most_b2_and_b3(seed: int, k: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    p, q, clusters = _merged(rng, 30, k, dim)
    generators, sums = p.generators, q.generators[clusters]
    means = sums / np.bincount(clusters)[clusters][:, None]
    upper = bracket(p, q, clusters).upper
    slack = 1 + 1e-9
    assert upper <= slack * np.linalg.norm(generators - means, axis=1).sum() / 2  # (B2)
    shares = (generators * sums).sum(axis=1) / (sums**2).sum(axis=1)
    if (shares >= 0).all():
        b3 = np.linalg.norm(generators - shares[:, None] * sums, axis=1).sum() / 2  # (B3)
        assert upper <= slack * b3


@several
@given(seeds, st.integers(1, 6), st.integers(2, 6))
def test_error_of_sums_is_the_smaller_side_of_each_cluster(seed: int, k: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    p, q, clusters = _merged(rng, 12, k, dim)
    directions = rng.normal(size=(20, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    scores = directions @ p.generators.T
    members = clusters[:, None] == np.arange(k)
    smaller = np.minimum(np.maximum(scores, 0) @ members, np.maximum(-scores, 0) @ members)
    expected = smaller.sum(axis=1)
    np.testing.assert_allclose(p.support(directions) - q.support(directions), expected, atol=1e-9)
    np.testing.assert_allclose(difference(p, q).values(directions), expected, atol=1e-9)


def test_sums_beat_means_and_both_bounds_hold() -> None:
    """The sanity figures of theory.md, section 2, in order."""
    figures = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p, sums, clusters = _merged(rng, 10, 3, 3)
        sizes = np.bincount(clusters)
        means = Zonotope(sums.generators / sizes[:, None])
        spread = np.linalg.norm(p.generators - means.generators[clusters], axis=1)
        b2 = spread.sum() / 2
        b4 = 3 * spread.max() + (1 - 1 / sizes.max()) * p.length
        true_sums, true_means = _distance(p, sums), _distance(p, means)
        assert true_sums <= b2 * (1 + 1e-9)
        assert true_means <= b4 * (1 + 1e-9)
        figures.append((true_sums, b2, true_means, b4))
    averages = np.mean(figures, axis=0)
    assert (np.diff(averages) > 0).all()


def test_wide_units_get_an_interval_in_which_the_norms_alone_would_be_useless() -> None:
    rng = np.random.default_rng(0)
    p, q, clusters = _merged(rng, 200, 20, 300)
    found = hausdorff(p, q, clusters)
    means = (q.generators / np.bincount(clusters)[:, None])[clusters]
    b2 = np.linalg.norm(p.generators - means, axis=1).sum() / 2
    assert not found.exact
    assert found.upper < 1.5 * found.lower
    assert found.upper < 0.4 * b2
    assert found == hausdorff(p, q, clusters)
    assert hausdorff(p, q).upper < 1.5 * found.lower


@several
@given(seeds, st.integers(1, 5))
def test_clusters_of_one_leave_the_distance_as_it_is(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    p, q, clusters = _merged(rng, 8, k, 3)
    single = Zonotope(rng.normal(size=(4, 3)))
    labels = np.concatenate([clusters, k + np.arange(4)])
    more = bracket(p + single, q + single, labels)
    assert more.upper == pytest.approx(bracket(p, q, clusters).upper)
    assert more.lower <= _distance(p, q) * (1 + 1e-9)


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
