"""The interval given where the distance is out of reach: it holds the distance, and is narrow."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.property.zonotopes import (
    dimensions,
    exact_distance,
    merged,
    random_pair,
    random_zonotope,
    seeds,
    several,
)
from tropnnc.geometry import Zonotope, bracket, hausdorff
from tropnnc.geometry.difference import Difference
from tropnnc.geometry.matching import bound_of_sum, matched_residuals, upper_bound
from tropnnc.unit import IntArray


@several
@given(seeds, dimensions)
def test_the_interval_holds_the_exact_distance(seed: int, dim: int) -> None:
    p, q = random_pair(seed, dim)
    exact, slack = exact_distance(p, q), 1e-12 * (p.length + q.length)
    found = bracket(p, q, seed=seed % 1000)
    assert found.lower - slack <= exact <= found.upper + slack
    # Clusters that have nothing to do with the zonotopes make it wider, never wrong.
    if len(q.generators):
        wild = np.random.default_rng(seed).integers(len(q.generators), size=len(p.generators))
        found = bracket(p, q, clusters=wild)
        assert found.lower - slack <= exact <= found.upper + slack


@several
@given(seeds, dimensions)
def test_matching_bounds_the_distance_and_the_even_part_in_every_direction(
    seed: int, dim: int
) -> None:
    rng = np.random.default_rng(seed)
    p, q = random_zonotope(rng, dim, most=3), random_zonotope(rng, dim)
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
        assert exact_distance(p, q) <= upper_bound(apart, clusters)[0] + 1e-9


def test_the_lower_end_is_near_the_exact_distance() -> None:
    # Tight clusters are the hard case: sums err in narrow cones across their heads only.
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        p, q, clusters = merged(rng, 10, 3, 5)
        exact = exact_distance(p, q)
        found += [bracket(p, q, clusters).lower / exact, bracket(q, p).lower / exact]
    assert np.median(found) > 0.9999
    assert np.mean(found) > 0.95


def test_wide_units_get_an_interval_in_which_the_norms_alone_would_be_useless() -> None:
    rng = np.random.default_rng(0)
    p, q, clusters = merged(rng, 200, 20, 300)
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
    p, q, clusters = merged(rng, 8, k, 3)
    single = Zonotope(rng.normal(size=(4, 3)))
    labels = np.concatenate([clusters, k + np.arange(4)])
    more = bracket(p + single, q + single, labels)
    assert more.upper == pytest.approx(bracket(p, q, clusters).upper)
    assert more.lower <= exact_distance(p, q) * (1 + 1e-9)
