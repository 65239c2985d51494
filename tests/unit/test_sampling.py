"""Samplers of neurons: exact sizes, unbiased factors, and draws as they were before."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from baselines.coreset import coreset
from baselines.sampling import SAMPLERS, Sampler, inclusion, repeated, systematic
from tests.units import kept_of, make_unit, mix_of
from tropnnc import TropnncError, make_method

scores_of_neurons = st.lists(
    st.one_of(st.just(0.0), st.floats(1e-6, 1e3)), min_size=2, max_size=30
).map(np.array)


@settings(max_examples=25, deadline=None)
@given(scores=scores_of_neurons, data=st.data())
def test_inclusion_probabilities_are_proportional_up_to_1(
    scores: np.ndarray, data: st.DataObject
) -> None:
    assume(scores.any())
    k = data.draw(st.integers(1, int(np.count_nonzero(scores))))
    chance = inclusion(scores, k)
    assert chance.sum() == pytest.approx(k)
    assert ((chance > 0) == (scores > 0)).all()
    uncertain = (chance < 1) & (scores > 0)
    rates = chance[uncertain] / scores[uncertain]
    np.testing.assert_allclose(rates, rates[:1].repeat(len(rates)))
    assert (scores[~uncertain & (scores > 0)] >= scores[uncertain].max(initial=0)).all()


@settings(max_examples=25, deadline=None)
@given(scores=scores_of_neurons, seed=st.integers(0, 99), data=st.data())
def test_a_sample_of_fixed_size_has_it(scores: np.ndarray, seed: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(0, int(np.count_nonzero(scores))))
    factor = systematic(scores, k, np.random.default_rng(seed))
    assert np.count_nonzero(factor) == k
    assert (factor[factor > 0] >= 1).all()
    assert not factor[scores == 0].any()


def test_a_sample_of_fixed_size_is_unbiased() -> None:
    """Means of 20,000 samples within three standard errors of 1."""
    rng = np.random.default_rng(8)
    scores = rng.exponential(size=20)
    factors = np.array([systematic(scores, 8, rng) for _ in range(20_000)])
    assert (np.count_nonzero(factors, axis=1) == 8).all()
    chance = inclusion(scores, 8)
    error = np.sqrt((1 / chance - 1) / len(factors))
    assert (np.abs(factors.mean(axis=0) - 1) <= 3 * error + 1e-9).all()
    assert chance.max() == 1 > chance.min()


def test_stopping_at_distinct_neurons_is_biased() -> None:
    """relatives.md B.8: 20 points, 10 of them distinct."""
    rng = np.random.default_rng(9)
    probability = rng.dirichlet(np.ones(20))
    mean = np.mean([repeated(probability, 10, rng) for _ in range(4000)], axis=0)
    assert mean.max() > 1.05


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_sampler_keeps_rows_and_fills_up_with_silent_neurons(sampler: Sampler) -> None:
    unit = make_unit("linear", np.random.default_rng(7))
    outgoing = unit.consumers[0].outgoing * (np.arange(10) >= 7)[:, None]
    unit = replace(unit, consumers=(replace(unit.consumers[0], outgoing=outgoing),))
    method = coreset(sampler=sampler)
    answer = method.reduce(method.prepare(unit, np.random.default_rng(0)), 6)
    assert kept_of(answer) == [0, 1, 2, 7, 8, 9]
    np.testing.assert_array_equal(answer.incoming, unit.incoming[[0, 1, 2, 7, 8, 9]])
    assert (mix_of(answer)[[0, 1, 2], [0, 1, 2]] == 1).all()


def test_top_keeps_the_largest_scores_as_they_are() -> None:
    unit = make_unit("conv", np.random.default_rng(1))
    method = coreset(sampler="top")
    state = method.prepare(unit, np.random.default_rng(0))
    answer = method.reduce(state, 4)
    assert set(kept_of(answer)) == set(np.argsort(state.probability)[-4:])
    assert set(mix_of(answer).ravel()) == {0.0, 1.0}


def test_draws_with_replacement_are_those_of_the_first_version() -> None:
    """Written down before there were other samplers: a change needs another version."""
    unit = make_unit("linear", np.random.default_rng(0))
    method = make_method("coreset")
    answer = method.reduce(method.prepare(unit, np.random.default_rng(1)), 4)
    assert kept_of(answer) == [1, 3, 7, 9]
    factors = [2.0744455229966974, 3.8246671175563343, 1.9966394453030831, 1.3674055184377973]
    np.testing.assert_allclose(mix_of(answer).max(axis=0), factors, rtol=1e-12)


def test_an_unknown_sampler_is_refused() -> None:
    with pytest.raises(
        TropnncError,
        match="unknown sampler 'wr'; accepted are with_replacement, fixed_size, top",
    ):
        make_method("leverage", sampler="wr")
