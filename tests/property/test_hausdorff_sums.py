"""Theory.md, section 2: the distance to clusters' sums, its bounds, and that to their means."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.property.zonotopes import exact_distance, merged, seeds, several
from tropnnc.geometry import Zonotope, bracket
from tropnnc.geometry.difference import difference


@several
@given(seeds, st.integers(1, 6), st.integers(2, 6))
def test_error_of_sums_is_the_smaller_side_of_each_cluster(seed: int, k: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    p, q, clusters = merged(rng, 12, k, dim)
    directions = rng.normal(size=(20, dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    scores = directions @ p.generators.T
    members = clusters[:, None] == np.arange(k)
    smaller = np.minimum(np.maximum(scores, 0) @ members, np.maximum(-scores, 0) @ members)
    expected = smaller.sum(axis=1)
    np.testing.assert_allclose(p.support(directions) - q.support(directions), expected, atol=1e-9)
    np.testing.assert_allclose(difference(p, q).values(directions), expected, atol=1e-9)


@several
@given(seeds, st.integers(2, 12), st.integers(3, 40))
def test_the_upper_end_is_at_most_b2_and_b3(seed: int, k: int, dim: int) -> None:
    rng = np.random.default_rng(seed)
    p, q, clusters = merged(rng, 30, k, dim)
    generators, sums = p.generators, q.generators[clusters]
    means = sums / np.bincount(clusters)[clusters][:, None]
    upper = bracket(p, q, clusters).upper
    slack = 1 + 1e-9
    assert upper <= slack * np.linalg.norm(generators - means, axis=1).sum() / 2  # (B2)
    shares = (generators * sums).sum(axis=1) / (sums**2).sum(axis=1)
    if (shares >= 0).all():
        b3 = np.linalg.norm(generators - shares[:, None] * sums, axis=1).sum() / 2  # (B3)
        assert upper <= slack * b3


def test_sums_beat_means_and_both_bounds_hold() -> None:
    """The sanity figures of theory.md, section 2, in order."""
    figures = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        p, sums, clusters = merged(rng, 10, 3, 3)
        sizes = np.bincount(clusters)
        means = Zonotope(sums.generators / sizes[:, None])
        spread = np.linalg.norm(p.generators - means.generators[clusters], axis=1)
        b2 = spread.sum() / 2
        b4 = 3 * spread.max() + (1 - 1 / sizes.max()) * p.length
        true_sums, true_means = exact_distance(p, sums), exact_distance(p, means)
        assert true_sums <= b2 * (1 + 1e-9)
        assert true_means <= b4 * (1 + 1e-9)
        figures.append((true_sums, b2, true_means, b4))
    averages = np.mean(figures, axis=0)
    assert (np.diff(averages) > 0).all()
