"""Facts of theory.md, section 3, on random units."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.misiakos import misiakos
from tests.units import (
    KINDS,
    clusters_of,
    difference,
    make_unit,
    mix_of,
    outputs,
    patch_radius,
    random_inputs,
    rescaled,
    with_weights,
)
from tropnnc.merging import Features, Merging, equalising_scale, tropnnc, tropnnc_iterative
from tropnnc.reduction import Reduction
from tropnnc.unit import Array, Unit

seeds = st.integers(0, 2**32 - 1)
kinds = st.sampled_from(KINDS)
several = settings(max_examples=15, deadline=None)


def _reduce(reducer: Merging, unit: Unit, k: int) -> Reduction:
    return reducer.reduce(reducer.prepare(unit, np.random.default_rng(0)), k)


def _repeated(unit: Unit, copies: list[int], same_outgoing: bool) -> Unit:
    """Neuron i ``copies[i]`` times; the copies' outgoing weights equal or all different."""
    which = np.repeat(np.arange(unit.neurons), copies)
    rng = np.random.default_rng(len(which))
    outgoing = [c.outgoing[:, which] for c in unit.consumers]
    if not same_outgoing:
        outgoing = [c + rng.normal(size=c.shape) for c in outgoing]
    return with_weights(unit, unit.incoming[which], tuple(outgoing))


@several
@given(kinds, seeds, st.lists(st.integers(1, 3), min_size=4, max_size=4), st.booleans())
def test_copies_merge_without_error_by_the_sum_and_with_error_by_the_mean(
    kind: str, seed: int, copies: list[int], same: bool
) -> None:
    rng = np.random.default_rng(seed)
    copies[0] = 2
    unit = _repeated(make_unit(kind, rng, neurons=4), copies, same)
    inputs = random_inputs(unit, kind, rng)
    features = "path" if same else "incoming"
    scale = max(float(v.norm(dim=1).max()) for v in outputs(unit, inputs))
    assert difference(unit, _reduce(tropnnc(features=features), unit, 4), inputs) < 1e-10 * scale
    by_mean = Merging(features=features, incoming="mean", outgoing="mean")
    assert difference(unit, _reduce(by_mean, unit, 4), inputs) > 1e-3 * scale
    # More clusters than distinct neurons cost nothing either.
    if sum(copies) > 5:
        assert (
            difference(unit, _reduce(tropnnc(features=features), unit, 5), inputs) < 1e-10 * scale
        )


@several
@given(kinds, seeds, st.integers(2, 7))
def test_misiakos_is_the_mean_of_both_sides(kind: str, seed: int, k: int) -> None:
    unit = make_unit(kind, np.random.default_rng(seed))
    reduction = _reduce(misiakos(), unit, k)
    for cluster in range(k):
        members = clusters_of(reduction) == cluster
        np.testing.assert_allclose(reduction.incoming[cluster], unit.incoming[members].mean(axis=0))
        for consumer in unit.consumers:
            merged = np.einsum("mnp,n->mp", consumer.outgoing, mix_of(reduction)[:, cluster])
            np.testing.assert_allclose(merged, consumer.outgoing[:, members].mean(axis=1))


def _transcribed_bound(unit: Unit, reduction: Reduction) -> float:
    """``Σ_i ‖C_i‖·‖w_i − w̃_{k(i)}‖``, ``‖C_i‖`` summed over consumers and taps."""
    clusters = clusters_of(reduction)
    total = 0.0
    for i in range(unit.neurons):
        distance = np.linalg.norm(unit.incoming[i] - reduction.incoming[clusters[i]])
        for consumer in unit.consumers:
            for tap in range(consumer.outgoing.shape[2]):
                total += float(np.linalg.norm(consumer.outgoing[:, i, tap]) * distance)
    return total


@several
@given(kinds, seeds, st.integers(1, 9), st.sampled_from(["path", "incoming", "direction"]))
def test_bound_b5_holds(kind: str, seed: int, k: int, features: Features) -> None:
    rng = np.random.default_rng(seed)
    unit = make_unit(kind, rng)
    reduction = _reduce(tropnnc(features=features), unit, k)
    inputs = random_inputs(unit, kind, rng, count=50)
    bound = patch_radius(unit, inputs) * _transcribed_bound(unit, reduction)
    assert 0 < difference(unit, reduction, inputs) <= bound


def test_bound_b5_is_attained_by_taps_that_add_up() -> None:
    """Two constant neurons 1 and 3 with outgoing ±1 at all nine taps: 18, not 6 (taps squared)."""
    incoming = np.zeros((2, 19))
    incoming[:, -1] = [1.0, 3.0]
    columns = np.stack([np.ones(9), -np.ones(9)])[None]
    unit = make_unit("flatten", np.random.default_rng(0), neurons=2)
    unit = with_weights(unit, incoming, (columns,))
    reduction = _reduce(tropnnc(), unit, 1)
    error = difference(unit, reduction, torch.zeros(1, 2, 3, 3).double())
    assert error == pytest.approx(18) == pytest.approx(_transcribed_bound(unit, reduction))


# Powers of two, so that rescaling is exact and cannot turn a tie.
scales = st.lists(st.integers(-6, 6), min_size=10, max_size=10).map(lambda e: 2.0 ** np.array(e))


@several
@given(kinds, seeds, scales)
def test_positive_rescaling_leaves_the_function(kind: str, seed: int, scale: Array) -> None:
    rng = np.random.default_rng(seed)
    unit = make_unit(kind, rng)
    inputs = random_inputs(unit, kind, rng)
    for before, after in zip(
        outputs(unit, inputs), outputs(rescaled(unit, scale), inputs), strict=True
    ):
        torch.testing.assert_close(before, after, rtol=1e-10, atol=1e-10)


@several
@given(kinds, seeds, scales, st.integers(2, 8))
def test_positive_rescaling_changes_nothing_for_directions(
    kind: str, seed: int, scale: Array, k: int
) -> None:
    rng = np.random.default_rng(seed)
    unit = make_unit(kind, rng)
    other = rescaled(unit, scale)
    reducer = tropnnc_iterative(features="direction")
    before, after = _reduce(reducer, unit, k), _reduce(reducer, other, k)
    np.testing.assert_array_equal(clusters_of(before), clusters_of(after))
    inputs = random_inputs(unit, kind, rng)
    assert difference(unit, before, inputs) == pytest.approx(difference(other, after, inputs))


@several
@given(kinds, seeds, scales, st.integers(2, 8))
def test_positive_rescaling_changes_nothing_once_equalised(
    kind: str, seed: int, scale: Array, k: int
) -> None:
    rng = np.random.default_rng(seed)
    unit = make_unit(kind, rng)
    other = rescaled(unit, scale)
    balanced = rescaled(unit, equalising_scale(unit))
    np.testing.assert_allclose(
        np.linalg.norm(balanced.incoming, axis=1), np.linalg.norm(balanced.outgoing, axis=1)
    )
    reducer = tropnnc(balance="equalised")
    inputs = random_inputs(unit, kind, rng)
    before = difference(unit, _reduce(reducer, unit, k), inputs)
    assert before == pytest.approx(difference(other, _reduce(reducer, other, k), inputs))


@several
@given(seeds, st.integers(2, 6))
def test_iterative_is_the_fixed_point_of_the_alternation(seed: int, k: int) -> None:
    """The two least-squares steps, from the sum, with M formed, reach the same pair."""
    unit = make_unit("conv", np.random.default_rng(seed))
    reduction = _reduce(tropnnc_iterative(), unit, k)
    for cluster in range(k):
        members = np.flatnonzero(clusters_of(reduction) == cluster)
        matrix = unit.outgoing[members].T @ unit.incoming[members]
        fitted = np.outer(
            unit.outgoing.T @ mix_of(reduction)[:, cluster], reduction.incoming[cluster]
        )
        best = np.linalg.svd(matrix, compute_uv=False)[1:]
        # ‖M − c̃w̃ᵀ‖² is at its minimum, the energy of all but the leading singular value.
        error = np.linalg.norm(matrix - fitted)
        np.testing.assert_allclose(error, np.linalg.norm(best), rtol=1e-6, atol=1e-9)
        agreement = unit.incoming[members] @ reduction.incoming[cluster]
        assert np.linalg.norm(unit.outgoing[members], axis=1) @ agreement > 0
