"""Hartigan's K-means by brute force, Model Folding by loops over its parameters."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.hartigan import hartigan
from baselines.model_folding import (
    ModelFolding,
    folding_features,
    model_folding,
    model_folding_ar,
    variance_factor,
)
from tests.networks import build, images
from tests.units import (
    batch_normed,
    clusters_of,
    difference,
    make_unit,
    mix_of,
    random_inputs,
    with_norm,
)
from tropnnc import Reduction, compress
from tropnnc.clustering import inertia, membership
from tropnnc.unit import Array, IntArray, Unit


def folded(method: ModelFolding, unit: Unit, k: int) -> Reduction:
    return method.reduce(method.prepare(unit, np.random.default_rng(0)), k)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(2, 9), data=st.data())
def test_no_single_move_improves_a_hartigan_optimum(seed: int, n: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, 3))
    labels = hartigan(points, k, rng, n_init=1)
    assert sorted(set(labels.tolist())) == list(range(k))
    for i, cluster in product(range(n), range(k)):
        if (labels == labels[i]).sum() > 1:
            moved = labels.copy()
            moved[i] = cluster
            assert inertia(points, moved) >= inertia(points, labels) * (1 - 1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_ten_starts_find_the_optimum_of_few_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(8, 2))
    every = (np.array(labels) for labels in product(range(3), repeat=8) if len(set(labels)) == 3)
    best = min(inertia(points, labels) for labels in every)
    assert inertia(points, hartigan(points, 3, rng)) == pytest.approx(best)


def test_equal_points_are_split_and_the_answer_is_deterministic() -> None:
    points = np.repeat(np.eye(2), 3, axis=0)
    labels = hartigan(points, 4, np.random.default_rng(0))
    assert len(set(labels.tolist())) == 4
    wide = np.random.default_rng(1).normal(size=(20, 40))
    one, other = (hartigan(wide, 6, np.random.default_rng(2)) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def averaged(values: Array, labels: IntArray) -> Array:
    """Means over clusters, one by one."""
    return np.array([values[labels == c].mean(axis=0) for c in range(labels.max() + 1)])


def through(unit: Unit, filters: Array, *norm: Array) -> Array:
    """Batch norm (γ, β, μ, var) by torch on ``filters``' answers to fixed inputs, ``[b, k]``."""
    inputs = torch.from_numpy(np.random.default_rng(9).normal(size=(5, filters.shape[1])))
    gamma, beta, mean, var = (torch.from_numpy(x) for x in norm)
    assert unit.batch_norm is not None
    raw = F.linear(inputs, torch.from_numpy(filters))
    return F.batch_norm(raw, mean, var, gamma, beta, eps=unit.batch_norm.eps).numpy()


def rows_answer(rows: Array) -> Array:
    inputs = np.random.default_rng(9).normal(size=(5, rows.shape[1] - 1))
    return inputs @ rows[:, :-1].T + rows[:, -1]


def test_naive_averages_every_parameter_by_itself() -> None:
    rng = np.random.default_rng(0)
    unit = replace(make_unit("conv", rng), filter_bias=np.zeros(10))
    unit = batch_normed(unit, rng, negative=True)
    answer = folded(model_folding(), unit, 4)
    labels, bn = clusters_of(answer), unit.batch_norm
    assert bn is not None
    parts = (unit.filters, bn.weight, bn.bias, bn.running_mean, bn.running_var)
    means = [averaged(part, labels) for part in parts]
    np.testing.assert_allclose(rows_answer(answer.incoming), through(unit, *means), atol=1e-10)
    np.testing.assert_array_equal(mix_of(answer), membership(labels).T)
    assert answer.batch_norm is not None
    np.testing.assert_allclose(answer.batch_norm.running_var, means[-1])


def test_approximate_repair_is_the_papers_formula() -> None:
    """E[c] over the cluster's normalised filters alone, pair by pair."""
    rng = np.random.default_rng(1)
    unit = batch_normed(replace(make_unit("conv", rng), filter_bias=np.zeros(10)), rng)
    answer = folded(model_folding_ar(), unit, 4)
    labels, bn = clusters_of(answer), unit.batch_norm
    assert bn is not None
    sigma = np.sqrt(bn.running_var + bn.eps)
    what = unit.filters / sigma[:, None]
    factors = []
    for c in range(4):
        inside = np.flatnonzero(labels == c)
        size = len(inside)
        pairs = [(i, j) for i in inside for j in inside if i != j]
        cosines = [
            what[i] @ what[j] / np.sqrt((what[i] @ what[i]) * (what[j] @ what[j])) for i, j in pairs
        ]
        mean = sum(cosines) / len(pairs) if pairs else 1.0
        factors.append(size / np.sqrt(size + (size**2 - size) * mean))
    np.testing.assert_allclose(variance_factor(unit.filters, membership(labels)), factors)
    gamma = averaged(bn.weight, labels) * np.array(factors)
    beta = averaged(bn.bias, labels)
    normalised = rows_answer(
        np.column_stack([averaged(what, labels), -averaged(bn.running_mean / sigma, labels)])
    )
    np.testing.assert_allclose(rows_answer(answer.incoming), gamma * normalised + beta)


def test_uncorrelated_members_lose_no_variance() -> None:
    """For inputs of covariance 1 the repaired row has the variance of its members, γ²."""
    rng = np.random.default_rng(2)
    unit = batch_normed(make_unit("linear", rng), rng)
    bn = unit.batch_norm
    assert bn is not None
    # A running variance that is the one the filters have for such inputs.
    bn = replace(bn, running_var=(unit.filters**2).sum(axis=1) - bn.eps, weight=np.full(10, 1.5))
    unit = with_norm(unit, bn)
    for method, kept in ((model_folding_ar(), True), (model_folding(), False)):
        weights = folded(method, unit, 3).incoming[:, :-1]
        assert np.allclose((weights**2).sum(axis=1), 1.5**2) is kept


def test_features() -> None:
    rng = np.random.default_rng(3)
    plain = make_unit("shared", rng)
    features = folding_features(plain, normalised=True)
    np.testing.assert_array_equal(features[:, :19], plain.incoming)
    np.testing.assert_array_equal(features[:, 19:], plain.outgoing)
    unit = batch_normed(plain, rng)
    bn = unit.batch_norm
    assert bn is not None
    features = folding_features(unit, normalised=True)
    np.testing.assert_allclose(features[:, :18], unit.filters / bn.std[:, None])
    np.testing.assert_allclose(
        features[:, 18], (unit.incoming[:, -1] - bn.bias) / bn.weight
    )  # what the batch norm's γ and β are applied to
    np.testing.assert_array_equal(features[:, 19:21], np.column_stack([bn.weight, bn.bias]))


@pytest.mark.parametrize("method", [model_folding(), model_folding_ar()])
@pytest.mark.parametrize("normed", [False, True])
def test_doubled_neurons_fold_exactly(method: ModelFolding, normed: bool) -> None:
    rng = np.random.default_rng(4)
    unit = make_unit("conv", rng, neurons=8)
    if normed:
        unit = batch_normed(unit, rng)
    twice = np.repeat(np.arange(8), 2)
    norm = unit.batch_norm
    if norm is not None:
        parts = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        norm = replace(norm, **dict(zip(NAMES, (part[twice] for part in parts), strict=True)))
    doubled = replace(
        unit,
        incoming=unit.incoming[twice],
        filters=unit.filters[twice],
        filter_bias=unit.filter_bias[twice],
        batch_norm=norm,
        consumers=tuple(
            replace(c, outgoing=1e-3 * rng.normal(size=(4, 16, c.outgoing.shape[2])))
            for c in unit.consumers
        ),
    )
    answer = folded(method, doubled, 8)
    assert difference(doubled, answer, random_inputs(doubled, "conv", rng)) < 1e-12


NAMES = ("weight", "bias", "running_mean", "running_var")


def test_the_batch_norm_that_is_written_is_the_methods_own() -> None:
    """In evaluation mode the layer folds to the rows; re-calibration then restores γ alone."""
    model = build("vgg")
    small, report = compress(model, images("vgg"), model_folding_ar(), 0.5)
    norm = small.get_submodule("features.1")
    clusters = torch.from_numpy(report.mixes["features.0"].toarray())
    own = model.get_submodule("features.1").get_parameter("weight").double()
    expected = (clusters.T @ own) / clusters.sum(0)
    torch.testing.assert_close(norm.get_parameter("weight").double(), expected, atol=1e-6, rtol=0)
