"""Facts of theory.md, section 1: zonotopes, support functions, tropical polynomials."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from tropnnc.errors import TropnncError
from tropnnc.geometry import Zonotope, positive_negative, tropical_polynomial
from tropnnc.geometry.vertices import most_vertices
from tropnnc.unit import Array

seeds = st.integers(0, 2**32 - 1)
several = settings(max_examples=40, deadline=None)


def _subset_sums(generators: Array) -> Array:
    """All ``2^n`` of them: every vertex is one."""
    return np.array(list(product((0.0, 1.0), repeat=len(generators)))) @ generators


def _integers(rng: np.random.Generator, n: int, dimension: int) -> Array:
    """Small integers: zeros, parallel, opposite, repeated and coplanar generators abound."""
    return rng.integers(-2, 3, size=(n, dimension)).astype(np.float64)


def _rows(points: Array) -> set[tuple[float, ...]]:
    """Points as a set, after rounding."""
    return {tuple(point) for point in np.round(points, 6) + 0.0}


def _same(points: Array, others: Array) -> bool:
    """Whether two lists hold the same points, none of them twice."""
    apart = cdist(points, others)
    pairs = (apart < 1e-8).sum(axis=1)
    return len(points) == len(others) and bool((pairs == 1).all())


@several
@given(seeds, st.integers(0, 7), st.integers(1, 5))
def test_support_is_the_largest_product_with_a_subset_sum(seed: int, n: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    generators, directions = rng.normal(size=(n, dim)), rng.normal(size=(9, dim))
    brute = (directions @ _subset_sums(generators).T).max(axis=1)
    np.testing.assert_allclose(Zonotope(generators).support(directions), brute, atol=1e-12)


@several
@given(seeds, st.integers(1, 7), st.integers(1, 4))
def test_a_unit_is_the_difference_of_two_tropical_polynomials(seed: int, n: int, d: int) -> None:
    rng = np.random.default_rng(seed)
    incoming, row, inputs = rng.normal(size=(n, d + 1)), rng.normal(size=n), rng.normal(size=(9, d))
    row[rng.random(n) < 0.2] = 0
    p, q = positive_negative(incoming, row)
    # A tropical polynomial is the largest of its affine pieces: one for each subset of neurons.
    for sign, zonotope in ((1, p), (-1, q)):
        pieces = _subset_sums(np.maximum(sign * row, 0)[:, None] * incoming)
        largest = (inputs @ pieces[:, :-1].T + pieces[:, -1]).max(axis=1)
        np.testing.assert_allclose(tropical_polynomial(zonotope, inputs), largest, atol=1e-12)
    hidden = np.maximum(inputs @ incoming[:, :-1].T + incoming[:, -1], 0)
    rational = tropical_polynomial(p, inputs) - tropical_polynomial(q, inputs)
    np.testing.assert_allclose(rational, hidden @ row, atol=1e-12)


@several
@given(seeds, st.integers(0, 5), st.integers(0, 5))
def test_minkowski_sum_adds_supports_and_points(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    p, q = Zonotope(rng.normal(size=(n, 3))), Zonotope(rng.normal(size=(k, 3)))
    directions = rng.normal(size=(9, 3))
    np.testing.assert_allclose(
        (p + q).support(directions), p.support(directions) + q.support(directions), atol=1e-12
    )
    inside = rng.random((9, n)) @ p.generators + rng.random((9, k)) @ q.generators
    assert (p + q).contains(inside).all()


@several
@given(seeds, st.integers(2, 8))
def test_membership_is_that_of_the_convex_hull(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    zonotope = Zonotope(rng.normal(size=(n, 2)))
    hull = ConvexHull(_subset_sums(zonotope.generators))
    points = zonotope.centre + rng.normal(size=(40, 2)) * np.sqrt(n) / 2
    excess = (points @ hull.equations[:, :-1].T + hull.equations[:, -1]).max(axis=1)
    np.testing.assert_array_equal(zonotope.contains(points), excess <= 1e-9)


@several
@given(seeds, st.integers(1, 4))
def test_distance_to_a_turned_box_is_known(seed: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    turn = np.linalg.qr(rng.normal(size=(5, 5)))[0][:dim]
    sides = rng.uniform(0.1, 3, size=dim)
    coordinates = rng.normal(size=(9, 5)) * 3
    # Within the box's span the excess over [0, side] counts, across it everything.
    rest = np.linalg.norm(coordinates - coordinates @ turn.T @ turn, axis=1)
    along = coordinates @ turn.T
    expected = np.hypot(np.linalg.norm(along - np.clip(along, 0, sides), axis=1), rest)
    box = Zonotope(turn * sides[:, None])
    np.testing.assert_allclose(box.distance(coordinates), expected, rtol=1e-9, atol=1e-9)


@several
@given(seeds, st.integers(4, 8), st.integers(2, 4), st.booleans())
def test_vertices_are_those_of_the_hull(seed: int, n: int, dim: int, degenerate: bool) -> None:
    rng = np.random.default_rng(seed)
    generators = _integers(rng, n, dim) if degenerate else rng.normal(size=(n, dim))
    generators[:dim] += 5 * np.eye(dim)
    sums = np.unique(np.round(_subset_sums(generators), 9), axis=0)
    assert _same(Zonotope(generators).vertices(), sums[ConvexHull(sums).vertices])


@several
@given(seeds, st.integers(0, 8), st.integers(1, 3))
def test_vertices_of_a_flat_zonotope_are_those_of_its_plane(seed: int, n: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    generators = _integers(rng, n, dim)
    embedding = np.linalg.qr(rng.normal(size=(6, 6)))[0][:dim]
    flat = Zonotope(generators @ embedding).vertices()
    assert _same(flat @ embedding.T, Zonotope(generators).vertices())
    np.testing.assert_allclose(flat @ embedding.T @ embedding, flat, atol=1e-9)


@several
@given(seeds, st.integers(1, 9), st.integers(1, 6))
def test_vertices_in_general_position_are_as_many_as_zaslavsky_counts(
    seed: int, n: int, dim: int
) -> None:
    generators = np.random.default_rng(seed).normal(size=(n, dim))
    vertices = Zonotope(generators).vertices()
    assert len(vertices) == most_vertices(n, dim)
    assert cdist(vertices, _subset_sums(generators)).min(axis=1).max() < 1e-9


def test_known_vertices() -> None:
    line = np.array([[1.0, 0.0], [2.0, 0.0], [-4.0, 0.0], [0.0, 0.0]])
    assert _rows(Zonotope(line).vertices()) == {(-4.0, 0.0), (3.0, 0.0)}
    assert _rows(Zonotope(np.zeros((0, 3))).vertices()) == {(0.0, 0.0, 0.0)}
    assert _rows(Zonotope(np.zeros((2, 2))).vertices()) == {(0.0, 0.0)}
    assert len(Zonotope(5e-324 * np.ones((1, 2))).vertices()) <= 2
    assert len(Zonotope(np.array([[3e-162, 1e-162], [1e-162, 5e-162]])).vertices()) <= 4


@pytest.mark.parametrize(("letters", "permutations"), [(3, 6), (4, 24), (5, 120)])
def test_vertices_of_the_permutohedron_are_the_permutations(
    letters: int, permutations: int
) -> None:
    # [e_j, e_i] = e_j + [0, e_i − e_j]: a point to the winner of each pair. It is flat, and three
    # coplanar generators (i−j, j−k, i−k) are as many as span a facet from five letters on.
    unit = np.eye(letters)
    roots = np.array([unit[i] - unit[j] for i, j in combinations(range(letters), 2)])
    vertices = Zonotope(roots).vertices()
    assert len(vertices) == permutations
    ranks = np.sort(vertices + np.arange(letters), axis=1)
    np.testing.assert_allclose(ranks, np.tile(np.arange(letters), (permutations, 1)), atol=1e-9)


def test_bad_input_is_one_clear_line() -> None:
    with pytest.raises(TropnncError, match=r"accepted is \[n, D\]"):
        Zonotope(np.zeros(3))
    with pytest.raises(TropnncError, match="NaN or infinity"):
        Zonotope(np.array([[np.nan, 0.0]]))
    with pytest.raises(TropnncError, match=r"accepted is \[b, 2\]"):
        Zonotope(np.zeros((1, 2))).support(np.zeros((1, 3)))
    with pytest.raises(TropnncError, match="2 and 3 dimensions"):
        Zonotope(np.zeros((1, 2))).__add__(Zonotope(np.zeros((1, 3))))
    with pytest.raises(TropnncError, match="200,000 at most"):
        Zonotope(np.random.default_rng(0).normal(size=(25, 10))).vertices()
    with pytest.raises(TropnncError, match="accepted are"):
        positive_negative(np.zeros((3, 2)), np.zeros(2))
