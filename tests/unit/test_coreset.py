"""Mussay et al.'s coreset: sensitivities by loops, the law of its draws by drawing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from baselines.coreset import coreset, sensitivity
from baselines.sampling import drawn
from tests.units import KINDS, kept_of, make_unit, mix_of, rescaled
from tropnnc import TropnncError
from tropnnc.unit import Depthwise


@pytest.mark.parametrize("kind", KINDS)
def test_sensitivity_is_the_largest_outgoing_weight_times_the_bound(kind: str) -> None:
    unit = make_unit(kind, np.random.default_rng(0))
    for p in range(10):
        weights = [abs(x) for c in unit.consumers for x in c.outgoing[:, p].ravel()]
        row = np.append(unit.filters[p], unit.filter_bias[p])  # the bias is the last entry
        expected = max(weights) * max(0.0, 2.5 * np.sqrt(row @ row))
        assert sensitivity(unit, 2.5)[p] == pytest.approx(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_neither_the_radius_nor_a_neurons_scale_change_a_relu_units_coreset(kind: str) -> None:
    unit = make_unit(kind, np.random.default_rng(1))
    other = rescaled(unit, np.random.default_rng(2).uniform(0.2, 5.0, 10))
    one, two = (
        coreset(radius).prepare(u, np.random.default_rng(0)).probability
        for radius, u in ((1.0, unit), (7.0, other))
    )
    np.testing.assert_allclose(one, two)


def test_the_bound_holds_behind_clips_and_depthwise_convolutions() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(10, 4))
    stage = Depthwise("d", rows, rows[:, :-1], rows[:, -1], None, cap=1.1)
    unit = replace(make_unit("linear", rng), cap=0.8, depthwise=(stage,))
    bound = sensitivity(unit, 3.0) / np.abs(unit.outgoing).max(axis=1)
    seen = np.zeros(10)
    for _ in range(300):
        u = rng.normal(size=(3, 7))
        u *= 3.0 / np.linalg.norm(u, axis=1, keepdims=True)
        h = np.clip(u @ unit.incoming.T, 0.0, 0.8)
        seen = np.maximum(seen, np.clip((rows[:, :-1].T * h).sum(axis=0) + rows[:, -1], 0, 1.1))
    assert (seen <= bound + 1e-12).all()
    assert (bound <= 1.1).all()


def test_counts_have_the_law_of_draws_until_k_are_hit() -> None:
    """Means of counts and of the number of draws within three standard errors."""
    probability = np.array([0.5, 0.25, 0.15, 0.1, 0.0])
    rng, trials = np.random.default_rng(4), 1500
    plain = np.zeros((trials, 5))
    for trial in range(trials):
        while np.count_nonzero(plain[trial]) < 3:
            plain[trial, rng.choice(5, p=probability)] += 1
    ours = np.array([drawn(probability, 3, rng) for _ in range(trials)])
    assert (np.count_nonzero(ours, axis=1) == 3).all()
    for f in (np.asarray, np.square, lambda x: x / x.sum(axis=1, keepdims=True)):
        a, b = f(plain).astype(float), f(ours).astype(float)
        error = np.sqrt((a.var(axis=0) + b.var(axis=0)) / trials) + 1e-12
        assert (np.abs(a.mean(axis=0) - b.mean(axis=0)) <= 3 * error).all()


def test_columns_are_reweighted_and_rows_stay() -> None:
    unit = make_unit("shared", np.random.default_rng(5))
    method = coreset()
    state = method.prepare(unit, np.random.default_rng(6))
    answer = method.reduce(state, 4)
    kept, mix = kept_of(answer), mix_of(answer)
    counts = drawn(state.probability, 4, np.random.default_rng((state.seed, 4)))
    expected = np.zeros((10, 4))
    for j, p in enumerate(kept):
        expected[p, j] = counts[p] / (counts.sum() * state.probability[p])
    np.testing.assert_allclose(mix, expected)
    np.testing.assert_array_equal(answer.incoming, unit.incoming[kept])


def test_silent_neurons_fill_up_what_cannot_be_drawn() -> None:
    unit = make_unit("linear", np.random.default_rng(7))
    outgoing = unit.consumers[0].outgoing * (np.arange(10) < 3)[:, None]
    unit = replace(unit, consumers=(replace(unit.consumers[0], outgoing=outgoing),))
    method = coreset()
    kept = kept_of(method.reduce(method.prepare(unit, np.random.default_rng(0)), 6))
    assert kept == [0, 1, 2, 3, 4, 5]


def test_a_radius_of_zero_is_refused() -> None:
    with pytest.raises(TropnncError, match="radius = 0 is out of range; accepted is above 0"):
        coreset(0.0)
