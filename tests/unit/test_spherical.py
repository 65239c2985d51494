"""Norm-weighted spherical K-means: the clustering against brute force, the merge against (B6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.units import (
    KINDS,
    clusters_of,
    difference,
    make_unit,
    mix_of,
    patch_radius,
    random_inputs,
    rescaled,
    with_weights,
)
from tropnnc import TropnncError, Unit
from tropnnc.clustering import Gram
from tropnnc.reduction import Reduction
from tropnnc.spherical import tropnnc_spherical
from tropnnc.spherical_kmeans import assign, centres_of, objective, spherical_kmeans
from tropnnc.unit import Array, Consumer, IntArray

seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from(KINDS)
several = settings(max_examples=30, deadline=None)


def directions_of(rows: Array) -> Array:
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def random_case(seed: int, n: int, distinct: int | None = None) -> tuple[Array, Array]:
    """Directions, some of them repeated or zero where ``distinct`` is given, and weights."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 3))
    weights = rng.exponential(size=n)
    if distinct is not None:
        rows = rows[rng.integers(distinct, size=n)]
        rows[rng.random(n) < 0.2] = 0
        weights[(rng.random(n) < 0.3) | ~rows.any(axis=1)] = 0
    return directions_of(rows), weights


def partitions(n: int, k: int) -> Iterator[IntArray]:
    """Every partition of ``n`` into ``k`` non-empty clusters, once."""

    def grow(labels: list[int], used: int) -> Iterator[list[int]]:
        if len(labels) == n:
            if used == k:
                yield labels
            return
        for label in range(min(used + 1, k)):
            yield from grow([*labels, label], max(used, label + 1))

    return (np.array(labels) for labels in grow([], 0))


def test_it_is_mostly_the_best_of_all_partitions() -> None:
    found = 0
    for seed in range(20):
        directions, weights = random_case(seed, 7)
        k = 2 + seed % 3
        best = max(objective(directions, weights, labels) for labels in partitions(7, k))
        labels = spherical_kmeans(directions, weights, k, np.random.default_rng(seed), n_init=10)
        reached = objective(directions, weights, labels)
        assert reached <= best + 1e-12
        found += reached >= best - 1e-12
    assert found >= 18


def test_the_objective_is_the_weighted_cosine_to_the_best_directions() -> None:
    directions, weights = random_case(0, 9)
    labels = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2])
    centres, _ = centres_of(directions, weights, labels)
    cosines = (directions * centres[labels]).sum(axis=1)
    assert objective(directions, weights, labels) == pytest.approx(weights @ cosines)
    others = directions_of(centres + 0.1 * np.random.default_rng(0).normal(size=centres.shape))
    assert weights @ (directions * others[labels]).sum(axis=1) < weights @ cosines


@several
@given(seeds, st.integers(2, 6), st.one_of(st.none(), st.integers(1, 5)))
def test_no_step_lowers_the_objective_and_none_leaves_a_cluster_empty(
    seed: int, k: int, distinct: int | None
) -> None:
    directions, weights = random_case(seed, 12, distinct)
    labels = np.random.default_rng(seed).permutation(np.arange(12) % k)
    reached = []
    for _ in range(6):
        reached.append(objective(directions, weights, labels))
        centres, now = centres_of(directions, weights, labels)
        assert now == reached[-1]
        labels = assign(directions @ centres.T, weights)
        assert set(labels) == set(range(k))
    assert all(after >= before - 1e-12 for before, after in pairwise(reached))


@several
@given(seeds, st.integers(1, 12), st.integers(1, 6))
def test_there_are_k_clusters_even_of_fewer_distinct_directions(
    seed: int, k: int, distinct: int
) -> None:
    directions, weights = random_case(seed, 12, distinct)
    labels = spherical_kmeans(directions, weights, k, np.random.default_rng(seed), n_init=2)
    assert set(labels) == set(range(k))
    assert labels[0] == 0
    if k > distinct:  # one more for the zero rows
        assert objective(directions, weights, labels) == pytest.approx(weights.sum())


@several
@given(seeds, st.integers(1, 40), st.integers(1, 60))
def test_from_the_cosines_as_from_the_rows(seed: int, k: int, dimensions: int) -> None:
    rng = np.random.default_rng(seed)
    directions, weights = directions_of(rng.normal(size=(40, dimensions))), rng.random(40)
    direct, known = (
        spherical_kmeans(rows, weights, k, np.random.default_rng(seed), n_init=3)
        for rows in (directions, Gram(directions @ directions.T))
    )
    assert set(known) == set(range(k))
    reached = objective(directions, weights, known)
    assert reached == pytest.approx(objective(directions, weights, direct), rel=1e-6)


@several
@given(seeds, st.integers(1, 12), st.integers(1, 6))
def test_from_the_cosines_of_fewer_distinct_directions(seed: int, k: int, distinct: int) -> None:
    directions, weights = random_case(seed, 12, distinct)
    cosines = Gram(directions @ directions.T)
    labels = spherical_kmeans(cosines, weights, k, np.random.default_rng(seed), n_init=2)
    assert set(labels) == set(range(k))
    if k > distinct:
        assert objective(directions, weights, labels) == pytest.approx(weights.sum())


def test_opposite_directions_have_no_centre_in_the_cosines_either() -> None:
    """What cancels must not be divided by its rounding."""
    row = directions_of(np.random.default_rng(0).normal(size=(1, 7)))
    directions, weights = np.concatenate([row, -row]), np.full(2, 0.3)
    for rows in (directions, Gram(directions @ directions.T)):
        labels = spherical_kmeans(rows, weights, 1, np.random.default_rng(0))
        assert labels.tolist() == [0, 0]


def test_far_groups_are_found_and_the_answer_depends_on_the_seed_alone() -> None:
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(5), 8))
    rows = 20 * rng.normal(size=(5, 30))[groups] + rng.normal(size=(40, 30))
    directions, weights = directions_of(rows), rng.exponential(size=40)
    labels = spherical_kmeans(directions, weights, 5, np.random.default_rng(1))
    assert len(set(zip(groups, labels, strict=True))) == 5
    again = spherical_kmeans(directions, weights, 5, np.random.default_rng(1))
    np.testing.assert_array_equal(labels, again)


def test_a_heavy_neuron_gets_a_cluster_of_its_own() -> None:
    """Three directions, two clusters: the two lightest share one, whatever their angles."""
    angles = np.array([0.0, 0.5, 1.2])
    directions = np.column_stack([np.cos(angles), np.sin(angles)])
    for weights, expected in (([1, 1, 1], [0, 0, 1]), ([99, 1, 1], [0, 1, 1])):
        rng = np.random.default_rng(0)
        labels = spherical_kmeans(directions, np.array(weights, dtype=float), 2, rng)
        assert labels.tolist() == expected


def reduce(unit: Unit, k: int) -> Reduction:
    reducer = tropnnc_spherical()
    return reducer.reduce(reducer.prepare(unit, np.random.default_rng(0)), k)


@several
@given(kinds, seeds, st.integers(1, 10))
def test_bound_b6_holds(kind: str, seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    unit = make_unit(kind, rng)
    reduction = reduce(unit, k)
    labels, mix = clusters_of(reduction), mix_of(reduction)
    np.testing.assert_allclose(np.linalg.norm(reduction.incoming, axis=1), 1)
    own = mix[np.arange(unit.neurons), labels]
    np.testing.assert_allclose(mix.sum(axis=1), own)
    total = 0.0
    for i, t in enumerate(own):
        row = reduction.incoming[labels[i]]
        assert t == pytest.approx(max(0.0, float(unit.incoming[i] @ row)))
        strength = sum(
            np.linalg.norm(c.outgoing[:, i, p])
            for c in unit.consumers
            for p in range(c.outgoing.shape[2])
        )
        total += float(strength * np.linalg.norm(unit.incoming[i] - t * row))
    inputs = random_inputs(unit, kind, rng, count=50)
    error = difference(unit, reduction, inputs)
    assert error <= patch_radius(unit, inputs) * total + 1e-9
    assert error > 1e-3 or k == unit.neurons


@several
@given(kinds, seeds, st.integers(1, 4))
def test_neurons_that_differ_by_their_length_merge_without_error(
    kind: str, seed: int, copies: int
) -> None:
    rng = np.random.default_rng(seed)
    unit = make_unit(kind, rng, neurons=3)
    which = np.repeat(np.arange(3), copies + 1)
    rows = unit.incoming[which] * rng.uniform(0.1, 10, size=(len(which), 1))
    outgoing = tuple(rng.normal(size=(4, len(which), c.outgoing.shape[2])) for c in unit.consumers)
    unit = with_weights(unit, rows, outgoing)
    assert difference(unit, reduce(unit, 3), random_inputs(unit, kind, rng)) < 1e-9


@several
@given(st.sampled_from(["conv", "flatten", "shared"]), seeds, st.integers(1, 9))
def test_a_tap_is_a_consumer_of_its_own(kind: str, seed: int, k: int) -> None:
    """``‖C_i‖`` sums over taps as it sums over consumers; as further outputs they would not add."""
    unit = make_unit(kind, np.random.default_rng(seed))
    taps = [
        Consumer(f"{consumer.name}.{tap}", consumer.outgoing[:, :, tap, None])
        for consumer in unit.consumers
        for tap in range(consumer.outgoing.shape[2])
    ]
    before, after = reduce(unit, k), reduce(replace(unit, consumers=tuple(taps)), k)
    np.testing.assert_allclose(before.incoming, after.incoming, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(mix_of(before), mix_of(after), rtol=1e-9, atol=1e-12)


# Powers of two, so that rescaling is exact and cannot turn a tie.
scales = st.lists(st.integers(-6, 6), min_size=10, max_size=10).map(lambda e: 2.0 ** np.array(e))


@several
@given(kinds, seeds, scales, st.integers(1, 9))
def test_rescaling_neurons_changes_nothing(kind: str, seed: int, scale: Array, k: int) -> None:
    unit = make_unit(kind, np.random.default_rng(seed))
    other = rescaled(unit, scale)
    before, after = reduce(unit, k), reduce(other, k)
    np.testing.assert_array_equal(clusters_of(before), clusters_of(after))
    np.testing.assert_allclose(before.incoming, after.incoming, rtol=1e-12, atol=1e-12)
    for old, new in zip(unit.consumers, other.consumers, strict=True):
        columns = [
            np.einsum("mnp,nk->mkp", c.outgoing, mix_of(r))
            for c, r in ((old, before), (new, after))
        ]
        np.testing.assert_allclose(*columns, rtol=1e-12, atol=1e-12)


def test_members_that_cancel_leave_the_heaviest() -> None:
    unit = make_unit("linear", np.random.default_rng(0), neurons=2)
    rows = unit.incoming[:1] * np.array([[1.0], [-2.0]])
    columns = np.ones((4, 2, 1)) * np.array([2.0, 1.0])[:, None]
    unit = with_weights(unit, rows, (columns,))
    reduction = reduce(unit, 1)
    norm = np.linalg.norm(rows[0])
    assert abs(reduction.incoming[0] @ rows[0]) == pytest.approx(norm)
    assert sorted(mix_of(reduction)[:, 0] / norm) in ([0, pytest.approx(1)], [0, pytest.approx(2)])


@pytest.mark.parametrize("k", [1, 2, 3, 4])
def test_dead_and_unread_neurons(k: int) -> None:
    """A zero row computes nothing; a neuron that nobody reads bends no cluster."""
    rng = np.random.default_rng(0)
    unit = make_unit("linear", rng, neurons=4)
    rows, columns = unit.incoming.copy(), unit.consumers[0].outgoing.copy()
    rows[1] = 0
    columns[:, 2:] = 0
    unit = with_weights(unit, rows, (columns,))
    reduction = reduce(unit, k)
    assert difference(unit, reduction, random_inputs(unit, "linear", rng)) < 1e-9
    assert not mix_of(reduction)[1].any()
    assert reduction.combination is not None
    np.testing.assert_allclose(reduction.combination @ rows, reduction.incoming)


def test_bad_options() -> None:
    with pytest.raises(TropnncError, match="n_init = 0 is out of range, accepted are 1 and more"):
        tropnnc_spherical(n_init=0)
    with pytest.raises(TropnncError, match="k = 11 is out of range, accepted are 1 to 10"):
        reduce(make_unit("linear", np.random.default_rng(0)), 11)
