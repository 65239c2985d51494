"""K-means and its exact projection."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist

from tropnnc.clustering import inertia, kmeans, project


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(1, 60), st.integers(0, 2**32 - 1))
def test_projection_keeps_norms_and_distances(n: int, dimensions: int, seed: int) -> None:
    features = np.random.default_rng(seed).normal(size=(n, dimensions))
    points = project(features)
    assert points.shape == (n, min(n, dimensions))
    np.testing.assert_allclose(points @ points.T, features @ features.T, atol=1e-10)
    np.testing.assert_allclose(pdist(points), pdist(features), atol=1e-10)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 6), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_there_are_k_clusters_even_of_fewer_distinct_points(
    distinct: int, k: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(distinct, 3))[rng.integers(distinct, size=12)]
    labels = kmeans(features, k, seed=seed)
    assert set(labels) == set(range(k))
    assert labels[0] == 0
    # Splitting equal points costs nothing: with enough clusters nothing is left.
    if k >= len(np.unique(features, axis=0)):
        assert inertia(features, labels) == pytest.approx(0, abs=1e-20)


def test_the_labels_depend_on_the_seed_alone() -> None:
    features = np.random.default_rng(0).normal(size=(60, 20))
    first = kmeans(features, 7, seed=3, n_init=1)
    np.testing.assert_array_equal(first, kmeans(features, 7, seed=3, n_init=1))
    others = [kmeans(features, 7, seed=seed, n_init=1) for seed in range(5)]
    assert any((other != first).any() for other in others)


def test_far_groups_are_found() -> None:
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(5), 8))
    features = rng.normal(size=(5, 30))[groups] * 100 + rng.normal(size=(40, 30))
    labels = kmeans(features, 5, seed=0)
    assert len(set(zip(groups, labels, strict=True))) == 5
