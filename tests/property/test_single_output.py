"""Facts of theory.md, section 2, on random units with one output."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.misiakos_zonotope import misiakos_zonotope
from tests.unit.test_single_output import one_output, reduce
from tests.units import clusters_of, difference, mix_of, outputs, random_inputs, reduced, rescaled
from tropnnc.reduction import Reduction
from tropnnc.single_output import SingleOutput, Split, tropnnc_single
from tropnnc.unit import Array, Unit

seeds = st.integers(0, 2**32 - 1)
splits = st.sampled_from(["proportional", "half"])
several = settings(max_examples=25, deadline=None)
NEURONS = 12


def _unit(seed: int) -> Unit:
    """Both signs, some outgoing weights zero."""
    rng = np.random.default_rng(seed)
    column = rng.normal(size=NEURONS) * rng.choice([0, 1, 10], size=NEURONS)
    column[:2] = [0.7, -1.3]
    return one_output(column, rng.normal(size=(NEURONS, 7)))


def _generators(unit: Unit) -> Array:
    return np.abs(unit.outgoing) * unit.incoming


def _error(unit: Unit, reduction: Reduction, inputs: torch.Tensor) -> Array:
    """``v − ṽ`` by torch's layers, ``[b]``."""
    [before], [after] = outputs(unit, inputs), outputs(reduced(unit, reduction), inputs)
    return (before - after)[:, 0].numpy()


@several
@given(seeds, st.integers(2, NEURONS), splits)
def test_the_error_of_the_sum_is_what_members_disagree_about(
    seed: int, k: int, split: Split
) -> None:
    """``v − ṽ = Σ_k ± min(Σ s⁺, Σ s⁻)``, exactly."""
    unit = _unit(seed)
    reduction = reduce(tropnnc_single(split), unit, k)
    inputs = random_inputs(unit, "linear", np.random.default_rng(seed), count=20)
    places = np.column_stack([inputs.numpy(), np.ones(20)]) @ _generators(unit).T
    expected = np.zeros(20)
    for cluster in range(k):
        members = clusters_of(reduction) == cluster
        sign = np.sign(unit.outgoing[members, 0].sum())
        above, below = np.maximum(places, 0)[:, members], np.maximum(-places, 0)[:, members]
        expected += sign * np.minimum(above.sum(axis=1), below.sum(axis=1))
    np.testing.assert_allclose(_error(unit, reduction, inputs), expected, rtol=1e-9, atol=1e-9)


@several
@given(seeds, st.integers(2, NEURONS))
def test_members_of_one_sign_cost_nothing(seed: int, k: int) -> None:
    """Positive weights and inputs: every neuron is active, the sum is exact, the mean is not."""
    unit = _unit(seed)
    unit = one_output(unit.outgoing[:, 0], np.abs(unit.incoming))
    inputs = random_inputs(unit, "linear", np.random.default_rng(seed)).abs()
    assert difference(unit, reduce(tropnnc_single(), unit, k), inputs) < 1e-9
    if k < np.count_nonzero(unit.outgoing):
        assert difference(unit, reduce(misiakos_zonotope(), unit, k), inputs) > 1e-9


@several
@given(seeds, st.integers(2, NEURONS), splits)
def test_both_representatives_stand_for_the_same_clusters(seed: int, k: int, split: Split) -> None:
    unit = _unit(seed)
    by_sum, by_mean = (
        reduce(method(split), unit, k) for method in (tropnnc_single, misiakos_zonotope)
    )
    labels = clusters_of(by_sum)
    np.testing.assert_array_equal(labels, clusters_of(by_mean))
    for cluster in range(k):
        members = labels == cluster
        if not unit.outgoing[members].any():
            continue
        generators = _generators(unit)[members]
        np.testing.assert_allclose(by_sum.incoming[cluster], generators.sum(axis=0))
        np.testing.assert_allclose(by_mean.incoming[cluster], generators.mean(axis=0))
    for reduction in (by_sum, by_mean):
        mix = mix_of(reduction)
        assert (mix >= 0).all()
        assert ((mix > 0).sum(axis=1) <= 1).all()
        used = np.unique(labels[unit.outgoing[:, 0] != 0])
        np.testing.assert_allclose(np.abs(unit.outgoing[:, 0] @ mix)[used], 1)
        assert reduction.combination is not None
        np.testing.assert_allclose(reduction.combination @ unit.incoming, reduction.incoming)


def _support_errors(unit: Unit, reduction: Reduction, directions: Array) -> tuple[Array, Array]:
    """``|h_P − h_P̃|`` and ``|h_Q − h_Q̃|`` in each of the unit ``directions``."""
    column, outgoing = unit.outgoing[:, 0], unit.outgoing[:, 0] @ mix_of(reduction)
    before = np.maximum(directions @ _generators(unit).T, 0)
    after = np.maximum(directions @ reduction.incoming.T, 0)
    gaps = [
        np.abs(before[:, sign * column > 0].sum(axis=1) - after[:, sign * outgoing > 0].sum(axis=1))
        for sign in (1, -1)
    ]
    return gaps[0], gaps[1]


def _directions(seed: int, unit: Unit) -> Array:
    directions = np.random.default_rng(seed).normal(size=(200, 7))
    directions = np.concatenate([directions, _generators(unit), -_generators(unit)])
    norms = np.linalg.norm(directions, axis=1, keepdims=True)
    return (directions / np.where(norms > 0, norms, 1))[norms[:, 0] > 0]


@several
@given(seeds, st.integers(2, NEURONS), splits)
def test_bounds_b2_of_the_sum_and_b4_of_the_mean(seed: int, k: int, split: Split) -> None:
    unit = _unit(seed)
    directions = _directions(seed, unit)
    by_sum, by_mean = (
        reduce(method(split), unit, k) for method in (tropnnc_single, misiakos_zonotope)
    )
    labels, generators = clusters_of(by_sum), _generators(unit)
    for sign, gap, gap_of_means in zip(
        (1, -1),
        _support_errors(unit, by_sum, directions),
        _support_errors(unit, by_mean, directions),
        strict=True,
    ):
        side = sign * unit.outgoing[:, 0] > 0
        clusters = np.unique(labels[side])
        offsets = np.zeros(NEURONS)
        for cluster in clusters:
            members = labels == cluster
            centre = generators[members].mean(axis=0)
            offsets[members] = np.linalg.norm(generators[members] - centre, axis=1)
        b2, n = offsets[side].sum() / 2, side.sum()
        assert gap.max() <= b2 + 1e-9
        assert b2 <= np.sqrt(n * (offsets[side] ** 2).sum()) / 2 + 1e-9
        largest = np.bincount(labels[side]).max()
        lengths = np.linalg.norm(generators[side], axis=1).sum()
        b4 = len(clusters) * offsets[side].max() + (1 - 1 / largest) * lengths
        assert gap_of_means.max() <= b4 + 1e-9


@several
@given(seeds, st.sampled_from([tropnnc_single(), misiakos_zonotope("half")]))
def test_the_full_width_is_the_same_unit(seed: int, reducer: SingleOutput) -> None:
    unit = _unit(seed)
    inputs = random_inputs(unit, "linear", np.random.default_rng(seed))
    assert difference(unit, reduce(reducer, unit, NEURONS), inputs) < 1e-9


# Powers of two, so that rescaling is exact.
scales = st.lists(st.integers(-6, 6), min_size=NEURONS, max_size=NEURONS)


@several
@given(seeds, scales, st.integers(2, NEURONS), st.booleans())
def test_rescaling_neurons_changes_no_bit(
    seed: int, exponents: list[int], k: int, mean: bool
) -> None:
    unit = _unit(seed)
    other = rescaled(unit, 2.0 ** np.array(exponents))
    reducer = misiakos_zonotope() if mean else tropnnc_single()
    before, after = reduce(reducer, unit, k), reduce(reducer, other, k)
    np.testing.assert_array_equal(clusters_of(before), clusters_of(after))
    read = unit.outgoing[:, 0] @ mix_of(before) != 0
    np.testing.assert_array_equal(before.incoming[read], after.incoming[read])
    for reduction, column in ((before, unit.outgoing), (after, other.outgoing)):
        np.testing.assert_allclose(np.abs(column[:, 0] @ mix_of(reduction))[read], 1)


def test_the_sum_is_nearer_than_the_mean_on_average() -> None:
    """The sanity figure of theory.md: over random trials sums err several times less."""
    errors = {"sum": 0.0, "mean": 0.0}
    for seed in range(15):
        unit = _unit(seed)
        directions = _directions(seed, unit)
        for name, reducer in (("sum", tropnnc_single()), ("mean", misiakos_zonotope())):
            gaps = _support_errors(unit, reduce(reducer, unit, 5), directions)
            errors[name] += sum(gap.max() for gap in gaps)
    assert 2 * errors["sum"] < errors["mean"]
