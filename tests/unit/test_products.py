"""Products of large layers, in blocks, against the plain expressions; one method by either path."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.misiakos import misiakos
from tests.units import KINDS, clusters_of, make_unit, mix_of
from tropnnc import clustering, products, spherical
from tropnnc.clustering import membership, project
from tropnnc.merging import Merging, tropnnc, tropnnc_iterative
from tropnnc.products import column_blocks, combine, gram_of, row_norms, row_products
from tropnnc.spherical import tropnnc_spherical
from tropnnc.unit import IntArray

seeds = st.integers(0, 2**31)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four neurons are many, five columns a block."""
    for module in (clustering, products, spherical):
        monkeypatch.setattr(module, "MANY", 4)
    monkeypatch.setattr(products, "_COLUMNS", 5)
    monkeypatch.setattr(clustering, "_SLAB", 12)


def labels_of(rng: np.random.Generator, n: int, k: int) -> IntArray:
    return np.unique(rng.integers(k, size=n), return_inverse=True)[1]


@pytest.mark.usefixtures("few")
@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 14), st.integers(1, 13))
def test_blocks_change_nothing(seed: int, n: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    rows, more = rng.normal(size=(n, width)), rng.normal(size=(n, 7))
    labels = labels_of(rng, n, 4)
    few_rows = membership(labels) @ rows
    np.testing.assert_allclose(combine(membership(labels), rows), few_rows, atol=1e-12)
    np.testing.assert_allclose(row_norms(rows), np.linalg.norm(rows, axis=1))
    expected = (rows * few_rows[labels]).sum(axis=1)
    np.testing.assert_allclose(row_products(rows, few_rows, labels), expected, atol=1e-12)
    both = np.concatenate([rows, more], axis=1)
    np.testing.assert_array_equal(np.concatenate(list(column_blocks([rows, more], 5)), 1), both)
    np.testing.assert_allclose(gram_of(rows, more), both @ both.T, atol=1e-12)
    centred = both - both.mean(axis=0)
    np.testing.assert_allclose(gram_of(rows, more, centred=True), centred @ centred.T, atol=1e-12)


@pytest.mark.usefixtures("few")
@settings(max_examples=30, deadline=None)
@given(seeds, st.integers(1, 8), st.integers(1, 40), st.integers(1, 5))
def test_projection_slab_by_slab(seed: int, n: int, width: int, more: int) -> None:
    rng = np.random.default_rng(seed)
    blocks = rng.normal(size=(n, width)), rng.normal(size=(n, more))
    both = np.concatenate(blocks, axis=1)
    points = project(*blocks)
    assert points.shape == (n, min(n, width + more))
    np.testing.assert_allclose(points @ points.T, both @ both.T, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "method",
    [
        tropnnc(),
        tropnnc(balance="equalised", outgoing="projection"),
        tropnnc_iterative(),
        misiakos(),
    ],
)
def test_merging_many_neurons(method: Merging, kind: str, request: pytest.FixtureRequest) -> None:
    """Of the same clusters, the same rows and mixing as of few."""
    unit = make_unit(kind, np.random.default_rng(0), 12)
    labels = labels_of(np.random.default_rng(1), 12, 5)
    before = method.merge(method.prepare(unit, np.random.default_rng(0)), labels)
    request.getfixturevalue("few")
    state = method.prepare(unit, np.random.default_rng(0))
    assert isinstance(state.points, clustering.Gram)
    after = method.merge(state, labels)
    np.testing.assert_allclose(after.incoming, before.incoming, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mix_of(after), mix_of(before), rtol=1e-9, atol=1e-12)
    reduced = method.reduce(state, 5)
    assert set(clusters_of(reduced)) == set(range(5))


@pytest.mark.parametrize("kind", KINDS)
def test_spherical_merging_of_many_neurons(kind: str, request: pytest.FixtureRequest) -> None:
    """The same clusters too: both paths draw the same starts."""
    unit, method = make_unit(kind, np.random.default_rng(2), 12), tropnnc_spherical()
    before = method.reduce(method.prepare(unit, np.random.default_rng(0)), 5)
    request.getfixturevalue("few")
    state = method.prepare(unit, np.random.default_rng(0))
    assert isinstance(state.directions, clustering.Gram)
    after = method.reduce(state, 5)
    np.testing.assert_array_equal(clusters_of(after), clusters_of(before))
    np.testing.assert_allclose(after.incoming, before.incoming, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mix_of(after), mix_of(before), rtol=1e-9, atol=1e-12)
