"""Ward linkage against scikit-learn and against its definition."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score

from tropnnc import TropnncError
from tropnnc.clustering import inertia
from tropnnc.unit import Array, IntArray
from tropnnc.ward import cut, distances, ward

seeds = st.integers(0, 2**32 - 1)
several = settings(max_examples=25, deadline=None)


def _rows(seed: int, n: int, dimensions: int) -> Array:
    """Rows about a few centres, far from the origin."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(3, dimensions))[rng.integers(3, size=n)]
    return 4.0 + 2 * centres + rng.normal(size=(n, dimensions))


@several
@given(seeds, st.sampled_from([1, 3, 40, 300]))
def test_every_cut_is_scikit_learns(seed: int, dimensions: int) -> None:
    rows = _rows(seed, 20, dimensions)
    tree = ward(rows)
    for k in range(1, 21):
        theirs = AgglomerativeClustering(k, linkage="ward").fit_predict(rows)
        assert adjusted_rand_score(cut(tree, k), theirs) == 1.0


@several
@given(seeds, st.integers(2, 12))
def test_every_merge_is_the_cheapest_and_its_height_says_what_it_costs(seed: int, n: int) -> None:
    rows = _rows(seed, n, 4)
    tree = ward(rows)
    for k in range(n, 1, -1):
        labels = cut(tree, k)
        before = inertia(rows, labels)
        costs = [
            inertia(rows, _joined(labels, i, j)) - before for i, j in combinations(range(k), 2)
        ]
        made = inertia(rows, cut(tree, k - 1)) - before
        assert made == pytest.approx(min(costs), abs=1e-9)
        assert tree.heights[n - k] ** 2 / 2 == pytest.approx(made, abs=1e-9)


def _joined(labels: IntArray, i: int, j: int) -> IntArray:
    joined = np.where(labels == j, i, labels)
    return np.where(joined > j, joined - 1, joined)


@several
@given(seeds, st.integers(1, 20))
def test_cuts_are_nested_and_numbered_by_first_member(seed: int, n: int) -> None:
    tree = ward(_rows(seed, n, 5))
    finer: IntArray | None = None
    for k in range(n, 0, -1):
        labels = cut(tree, k)
        assert labels[0] == 0
        assert list(dict.fromkeys(labels.tolist())) == list(range(k))
        if finer is not None:
            assert len({*zip(finer.tolist(), labels.tolist(), strict=True)}) == k + 1
        finer = labels
    assert tree.heights.tolist() == sorted(tree.heights)


@several
@given(seeds, st.integers(1, 6), st.integers(2, 4))
def test_copies_are_merged_first_and_cost_nothing(seed: int, distinct: int, copies: int) -> None:
    # Far from the origin and many: the Gram matrix alone would see copies at a distance.
    rows = 1e3 + np.random.default_rng(seed).normal(size=(distinct, 100))
    which = np.random.default_rng(seed).permutation(np.repeat(np.arange(distinct), copies))
    tree = ward(rows[which])
    np.testing.assert_allclose(tree.heights[: len(which) - distinct], 0, atol=1e-9)
    assert adjusted_rand_score(cut(tree, distinct), which) == 1.0


@settings(max_examples=5, deadline=None)
@given(seeds)
@pytest.mark.parametrize("exponent", range(-12, 1))
def test_distances_are_right_however_close_two_rows_are(exponent: int, seed: int) -> None:
    rows = _rows(seed, 8, 50)
    rows[1] = rows[0] + 10.0**exponent * rows[1]
    # Rows of norm 30 are known to 1e-14.
    np.testing.assert_allclose(distances(rows), pdist(rows), rtol=1e-7, atol=1e-12)


def test_dead_rows_are_at_distance_zero() -> None:
    rows = np.random.default_rng(0).normal(size=(6, 40))
    rows[[1, 4, 5]] = 0
    assert ward(rows).heights[:2].tolist() == [0, 0]
    assert cut(ward(rows), 4).tolist() == [0, 1, 2, 3, 1, 1]


@pytest.mark.parametrize("k", [0, -1, 6])
def test_a_cut_out_of_range_is_an_error(k: int) -> None:
    with pytest.raises(TropnncError, match=rf"k = {k} clusters of 5 rows, accepted are 1 to 5"):
        cut(ward(np.eye(5)), k)
