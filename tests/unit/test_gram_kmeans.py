"""K-means from the Gram matrix: the distances, the descent, and scikit-learn's objective."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from tropnnc import clustering
from tropnnc.clustering import comparable, inertia, kmeans
from tropnnc.gram_kmeans import gram_kmeans, squared_distances
from tropnnc.products import gram_of
from tropnnc.unit import Array

seeds = st.integers(0, 2**31)


def scattered(seed: int, n: int, dimensions: int, groups: int) -> Array:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(groups, dimensions))
    return centres[rng.integers(groups, size=n)] + 0.5 * rng.normal(size=(n, dimensions))


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(2, 30), st.integers(1, 9), st.integers(1, 6))
def test_distances_to_the_means(seed: int, n: int, dimensions: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, dimensions))
    labels = np.unique(rng.integers(k, size=n), return_inverse=True)[1]
    gram = points @ points.T
    k = labels.max() + 1
    means = np.stack([points[labels == c].mean(axis=0) for c in range(k)])
    expected = ((points[None] - means[:, None]) ** 2).sum(axis=2)
    own = gram.diagonal()
    np.testing.assert_allclose(squared_distances(gram, labels, k) + own, expected, atol=1e-10)


@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(3, 40), st.integers(1, 6))
def test_every_point_is_nearest_to_its_own_mean(seed: int, n: int, dimensions: int) -> None:
    """A fixed point of Lloyd's algorithm, with all ``k`` clusters in use."""
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, dimensions)) + 100
    k = int(rng.integers(1, n))
    labels = gram_kmeans(gram_of(points, centred=True), k, rng, n_init=2)
    assert set(labels) == set(range(k))
    means = np.stack([points[labels == c].mean(axis=0) for c in range(k)])
    distances = ((points[:, None] - means) ** 2).sum(axis=2)
    own = distances[np.arange(n), labels]
    alone = np.bincount(labels)[labels] == 1
    assert (own - distances.min(axis=1))[~alone].max(initial=0) < 1e-7


@settings(max_examples=20, deadline=None)
@given(seeds, st.integers(1, 5), st.integers(1, 11))
def test_equal_points_cost_nothing(seed: int, distinct: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(distinct, 3))[rng.integers(distinct, size=12)]
    labels = gram_kmeans(gram_of(points, centred=True), k, rng, n_init=1)
    assert set(labels) == set(range(k))
    if k >= len(np.unique(points, axis=0)):
        assert inertia(points, labels) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("k", [5, 60, 200])
def test_as_good_as_scikit_learn(k: int) -> None:
    points = scattered(0, 240, 80, 40)
    theirs = KMeans(k, random_state=0).set_params(n_init=10).fit_predict(points)
    ours = gram_kmeans(gram_of(points, centred=True), k, np.random.default_rng(0), n_init=10)
    assert inertia(points, ours) < 1.01 * inertia(points, theirs)


def test_many_points_go_through_it(monkeypatch: pytest.MonkeyPatch) -> None:
    points = scattered(1, 50, 20, 10)
    few = kmeans(points, 10, seed=3)
    monkeypatch.setattr(clustering, "MANY", 49)
    many = kmeans(comparable(points[:, :7], points[:, 7:]), 10, seed=3)
    np.testing.assert_array_equal(many, kmeans(points, 10, seed=3))
    assert many[0] == 0
    assert inertia(points, many) == pytest.approx(inertia(points, few), rel=0.01)
