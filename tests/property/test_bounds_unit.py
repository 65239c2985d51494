"""(B5), (B6) and the bound for any reduction, on random units and on the worst inputs found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.units import (
    KINDS,
    difference,
    make_unit,
    mix_of,
    outputs,
    patch_radius,
    random_inputs,
    reduced,
    with_weights,
)
from tropnnc import Reduction, TropnncError
from tropnnc.bounds import (
    cluster_bound,
    decompose,
    direction_bound,
    nearest_mix,
    reduction_bound,
)
from tropnnc.clustering import kmeans, membership
from tropnnc.merging import Merging
from tropnnc.reduction import select
from tropnnc.unit import Array, Stage, Unit

seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from(KINDS)
several = settings(max_examples=25, deadline=None)
RULES = ("pruned", "sum", "mean", "projection", "least_squares", "dense", "signed")


def _reduction(rule: str, unit: Unit, k: int, rng: np.random.Generator) -> Reduction:
    """A reduction whose mixing matrix is sparse or dense, of one sign or of both."""
    if rule == "pruned":
        return select(unit, np.sort(rng.permutation(unit.neurons)[:k]), rng.normal(size=k))
    if rule in ("dense", "signed"):
        mix = rng.normal(size=(unit.neurons, k))
        return Reduction(
            rng.normal(size=(k, unit.incoming.shape[1])), abs(mix) if rule == "dense" else mix
        )
    reducer = Merging(outgoing=rule, n_init=1)  # pyright: ignore[reportArgumentType]
    return reducer.reduce(reducer.prepare(unit, rng), k)


def _radius(unit: Unit, inputs: torch.Tensor) -> float:
    return float(np.sqrt(max(patch_radius(unit, inputs) ** 2 - 1, 0.0)))


def _worst_inputs(unit: Unit, reduction: Reduction, kind: str, seed: int) -> torch.Tensor:
    """Random inputs moved by gradient ascent on the error per norm of the input."""
    inputs = random_inputs(unit, kind, np.random.default_rng(seed)).requires_grad_()
    after = reduced(unit, reduction)
    optimiser = torch.optim.Adam([inputs], lr=0.2, maximize=True)
    for _ in range(10):
        gaps = zip(outputs(unit, inputs), outputs(after, inputs), strict=True)
        size = sum(((a - b).norm(dim=1).sum() for a, b in gaps), start=torch.zeros(()))
        optimiser.zero_grad()
        (size / (1 + inputs.square().sum()).sqrt()).backward()
        optimiser.step()
    return inputs.detach()


@several
@given(kinds, st.sampled_from(RULES), seeds, st.integers(1, 9))
def test_any_reduction_stays_within_its_bound(kind: str, rule: str, seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    unit = make_unit(kind, rng)
    reduction = _reduction(rule, unit, k, rng)
    at_the_origin = reduction_bound(unit, reduction, 0.0)
    assert reduction_bound(unit, reduction, 2.0) == pytest.approx(at_the_origin * 5**0.5)
    inputs = random_inputs(unit, kind, rng, count=30)
    worst = _worst_inputs(unit, reduction, kind, seed)
    for one in torch.cat([inputs, worst]).split(1):
        bound = at_the_origin * patch_radius(unit, one)
        assert difference(unit, reduction, one) <= bound * (1 + 1e-9)


@several
@given(kinds, seeds, st.integers(1, 10), st.floats(0, 20))
def test_for_sums_it_is_b5_or_below_and_for_directions_b6(
    kind: str, seed: int, k: int, radius: float
) -> None:
    rng = np.random.default_rng(seed)
    unit = make_unit(kind, rng)
    rows = rng.normal(size=(k, unit.incoming.shape[1]))
    labels = kmeans(unit.incoming, k, seed, n_init=1)
    summed = Reduction(rows, membership(labels).T)
    bound = cluster_bound(unit, rows, labels, radius)
    assert reduction_bound(unit, summed, radius) <= bound * (1 + 1e-9)
    own = (rows / np.linalg.norm(rows, axis=1, keepdims=True))[labels]
    scale = np.maximum((unit.incoming * own).sum(axis=1), 0)
    mix = membership(labels).T * (scale / np.linalg.norm(rows, axis=1)[labels])[:, None]
    scaled = reduction_bound(unit, Reduction(rows, mix), radius)
    assert scaled <= direction_bound(unit, rows, labels, radius) * (1 + 1e-9)


@several
@given(seeds, st.integers(1, 9))
def test_for_one_output_and_means_of_one_sign_it_is_b2(seed: int, k: int) -> None:
    """The linear halves cancel: half of (B5), ``½ Σ ‖g_i − ḡ‖`` of the generators."""
    rng = np.random.default_rng(seed)
    unit = make_unit("linear", rng)
    unit = with_weights(unit, unit.incoming, (np.ones((1, 10, 1)),))
    labels = kmeans(unit.incoming, k, seed, n_init=1)
    members = membership(labels)
    means = members @ unit.incoming / members.sum(axis=1, keepdims=True)
    bound = reduction_bound(unit, Reduction(means, members.T), radius=0.0)
    deviations = np.linalg.norm(unit.incoming - means[labels], axis=1)
    lone = np.linalg.norm(unit.incoming, axis=1) + np.linalg.norm(means[labels], axis=1)
    assert (deviations <= lone + 1e-12).all()
    assert bound == pytest.approx(0.5 * deviations.sum(), abs=1e-12)


def test_a_max_pool_keeps_the_sum_and_loses_the_cancellation() -> None:
    rng = np.random.default_rng(0)
    unit = make_unit("conv", rng)
    reduction = _reduction("sum", unit, 4, rng)
    pooled = replace(unit, between=(Stage("max_pool", "pool", True),))
    loose = reduction_bound(pooled, reduction, 1.0)
    assert reduction_bound(unit, reduction, 1.0) < 0.9 * loose
    rows = reduction.incoming
    assert reduction.clusters is not None
    assert loose == pytest.approx(cluster_bound(unit, rows, reduction.clusters, 1.0))


def _taps(sign: float) -> tuple[Unit, Reduction]:
    """Neurons 1 and 3, whatever the input, with outgoing 1 and ``sign`` at nine positions."""
    incoming = np.zeros((2, 19))
    incoming[:, -1] = [1.0, 3.0]
    columns = np.stack([np.ones(9), sign * np.ones(9)])[None]
    unit = with_weights(
        make_unit("flatten", np.random.default_rng(0), neurons=2), incoming, (columns,)
    )
    return unit, Reduction(incoming.mean(axis=0, keepdims=True), np.ones((2, 1)))


def test_taps_that_add_up_attain_the_bound_and_break_the_root_of_squares() -> None:
    unit, reduction = _taps(-1.0)
    error = difference(unit, reduction, torch.zeros(1, 2, 3, 3).double())
    rows, labels = reduction.incoming, np.zeros(2, dtype=np.int64)
    assert error == pytest.approx(18) == pytest.approx(cluster_bound(unit, rows, labels, 0.0))
    assert reduction_bound(unit, reduction, 0.0) == pytest.approx(18)
    distances = np.linalg.norm(unit.incoming - rows[labels], axis=1)
    naive = np.linalg.norm(unit.consumers[0].outgoing, axis=(0, 2)) @ distances
    assert naive == pytest.approx(6)
    assert naive < error


def test_deviations_that_cancel_cost_half() -> None:
    unit, reduction = _taps(1.0)
    assert difference(unit, reduction, torch.zeros(1, 2, 3, 3).double()) == pytest.approx(0)
    assert reduction_bound(unit, reduction, 0.0) == pytest.approx(9)


@several
@given(kinds, seeds, st.sampled_from(["sum", "mean", "projection", "pruned"]))
def test_the_full_width_costs_nothing(kind: str, seed: int, rule: str) -> None:
    rng = np.random.default_rng(seed)
    unit = make_unit(kind, rng)
    reduction = _reduction(rule, unit, 10, rng)
    if rule == "pruned":
        reduction = select(unit, np.arange(10))
    assert reduction_bound(unit, reduction, 3.0) < 1e-9


@several
@given(seeds, st.sampled_from(RULES), st.integers(-6, 6))
def test_the_bound_scales_with_rows_and_columns(seed: int, rule: str, exponent: int) -> None:
    unit = make_unit("shared", np.random.default_rng(seed))
    reduction = _reduction(rule, unit, 4, np.random.default_rng(seed))
    scale = 2.0**exponent
    wide = with_weights(unit, unit.incoming, tuple(c.outgoing * scale for c in unit.consumers))
    long = with_weights(unit, unit.incoming * scale, tuple(c.outgoing for c in unit.consumers))
    taller = replace(reduction, incoming=reduction.incoming * scale)
    expected = scale * reduction_bound(unit, reduction, 2.0)
    assert reduction_bound(wide, reduction, 2.0) == pytest.approx(expected)
    assert reduction_bound(long, taller, 2.0) == pytest.approx(expected)


@several
@given(kinds, seeds, st.integers(1, 9))
def test_a_fit_of_every_tap_with_an_offset(kind: str, seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    unit = make_unit(kind, rng)
    rows = unit.incoming[:k]
    mix = nearest_mix(unit.incoming, rows)
    fitted, offset = [], []
    for consumer in unit.consumers:
        exact = np.einsum("mnp,nk->mkp", consumer.outgoing, mix)
        fitted.append(exact + 0.1 * rng.normal(size=exact.shape))
        offset.append(rng.normal(size=len(exact)))
    reduction = Reduction(rows, outgoing=tuple(fitted), offset=tuple(offset))
    small = with_weights(unit, rows, tuple(fitted))
    inputs = random_inputs(unit, kind, rng, count=20)
    gaps = [
        float((a - b - torch.from_numpy(o)).norm(dim=1).max())
        for a, b, o in zip(outputs(unit, inputs), outputs(small, inputs), offset, strict=True)
    ]
    assert sum(gaps) <= reduction_bound(unit, reduction, _radius(unit, inputs)) * (1 + 1e-9)


def test_a_row_scale_is_refused() -> None:
    rng = np.random.default_rng(0)
    unit = make_unit("linear", rng)
    scale = replace(_reduction("sum", unit, 4, rng), row_scale=(np.ones(4),))
    with pytest.raises(TropnncError, match="row_scale also scales the consumer's bias"):
        reduction_bound(unit, scale, 1.0)


@several
@given(seeds, st.integers(1, 6), st.booleans())
def test_the_rows_behind_the_bound_hold_neuron_by_neuron(seed: int, k: int, positive: bool) -> None:
    rng = np.random.default_rng(seed)
    incoming, rows, mix = rng.normal(size=(8, 4)), rng.normal(size=(k, 4)), rng.normal(size=(8, k))
    if positive:
        mix = np.abs(mix)
    parts = decompose(incoming, rows, mix)
    vectors = rng.normal(size=(200, 4))
    error = _relu(vectors @ incoming.T) - _relu(vectors @ rows.T) @ mix.T
    main, others = np.abs(vectors @ parts.main.T), np.abs(vectors @ rows.T) @ parts.others.T
    assert (np.abs(error) <= main + others + 1e-9).all()
    # No choice of the main row is better: brute force.
    lengths = np.linalg.norm(rows, axis=1)
    found = parts.bounds(np.linalg.norm(parts.main, axis=1), lengths)
    for i in range(8):
        whole = np.abs(mix[i]) @ lengths
        choices = [np.linalg.norm(incoming[i]) + whole] + [
            np.linalg.norm(incoming[i] - mix[i, j] * rows[j]) + whole - mix[i, j] * lengths[j]
            for j in range(k)
            if mix[i, j] > 0
        ]
        assert found[i] == pytest.approx(min(choices))


def _relu(values: Array) -> Array:
    return np.maximum(values, 0)


def test_nearest_mix_is_the_projection_on_the_nearest_ray() -> None:
    rows = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    incoming = np.array([[3.0, 1.0], [-1.0, 4.0], [-1.0, -1.0]])
    expected = np.array([[3.0, 0, 0], [0, 2.0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(nearest_mix(incoming, rows), expected)
    assert mix_of(Reduction(rows, expected)).shape == (3, 3)
