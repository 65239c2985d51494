"""CWS, PWS and UQ on vectors of weights, against transcriptions of relatives.md A1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.sharing.cws import Cws
from baselines.sharing.ecsq import Ecsq
from baselines.sharing.pws import Pws
from baselines.sharing.scheme import Scheme
from baselines.sharing.uq import Uq
from tests.sharing.vectors import RNG, restored, weights
from tropnnc import TropnncError

SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("scheme", [Cws(), Pws(), Uq(), Ecsq(1e-4)])
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, k=st.integers(2, 40))
def test_a_codebook_is_sorted_small_and_in_use(scheme: Scheme, seed: int, k: int) -> None:
    shared = scheme.share(weights(seed), k, np.random.default_rng(seed))
    assert isinstance(scheme, Scheme)
    assert (np.diff(shared.codebook) > 0).all()
    assert np.unique(shared.codes).tolist() == list(range(len(shared.codebook)))
    assert len(shared.codebook) <= (3 * k if isinstance(scheme, Ecsq) else k)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, k=st.integers(1, 30))
def test_cws_is_a_fixed_point_of_k_means(seed: int, k: int) -> None:
    values = weights(seed)
    shared = Cws().share(values, k, RNG)
    for code, centre in enumerate(shared.codebook):
        assert values[shared.codes == code].mean() == pytest.approx(centre, abs=1e-12)
    distance = np.abs(values[:, None] - shared.codebook)
    np.testing.assert_allclose(np.abs(values - restored(shared)), distance.min(axis=1), atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, spare=st.integers(0, 3))
def test_cws_is_lossless_from_as_many_values_as_there_are(seed: int, spare: int) -> None:
    values = np.random.default_rng(seed).choice([-3.0, -0.5, 1e-3, 0.25, 7.0], 50)
    distinct = len(np.unique(values))
    np.testing.assert_array_equal(restored(Cws().share(values, distinct + spare, RNG)), values)


def test_cws_starts_evenly_and_drops_what_is_empty() -> None:
    values = np.array([0.0, 0.1, 0.2, 1.0, 1.1, 9.9, 10.0])
    shared = Cws().share(values, 4, RNG)  # centres from 0, 3⅓, 6⅔, 10
    np.testing.assert_allclose(shared.codebook, [0.48, 9.95])


def test_pws_is_unbiased() -> None:
    values = weights(1, 60)
    draws = np.array(
        [restored(Pws().share(values, 8, np.random.default_rng(seed))) for seed in range(1000)]
    )
    error = draws.mean(axis=0) - values
    standard = draws.std(axis=0) / np.sqrt(1000)
    assert (np.abs(error) <= 4 * standard + 1e-12).all()


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, k=st.integers(2, 30))
def test_pws_goes_to_a_neighbouring_quantile(seed: int, k: int) -> None:
    values = weights(seed)
    edges = np.quantile(values, np.linspace(0, 1, k))
    shared = Pws().share(values, k, np.random.default_rng(seed))
    assert set(shared.codebook.tolist()) <= set(edges.tolist())
    below = np.array([edges[edges <= w].max() for w in values])
    above = np.array([edges[edges >= w].min() for w in values])
    chosen = restored(shared)
    assert ((chosen == below) | (chosen == above)).all()


def test_pws_wastes_its_quantiles_on_zeros_where_it_sees_them() -> None:
    """The trap: of k = 32, 5 values remain at 90 % pruned; on nonzeros all but one at most."""
    values = weights(2, 5000)
    values[np.abs(values) <= np.percentile(np.abs(values), 90)] = 0
    rng = np.random.default_rng(0)
    assert len(Pws().share(values, 32, rng).codebook) <= 5
    assert len(Pws().share(values[values != 0], 32, rng).codebook) >= 31
    assert len(Pws().share(np.full(9, 0.3), 32, rng).codebook) == 1


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, k=st.integers(4, 60))
def test_uq_takes_the_first_step_of_the_ladder(seed: int, k: int) -> None:
    values = weights(seed, 6000)
    step = 0.0
    for j in range(2000):
        step = (1 + 5 * j) * 1e-4
        if len(np.unique(np.round(values / step))) <= k:
            break
    shared = Uq().share(values, k, RNG)
    np.testing.assert_allclose(restored(shared), step * np.round(values / step), atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, k=st.integers(2, 60))
def test_uq_is_idempotent(seed: int, k: int) -> None:
    once = restored(Uq().share(weights(seed), k, RNG))
    again = restored(Uq().share(once, k, RNG))
    np.testing.assert_array_equal(again.astype(np.float32), once.astype(np.float32))


def test_uq_has_a_last_step() -> None:
    with pytest.raises(TropnncError, match="no step up to 1 leaves 3 values"):
        Uq().share(np.arange(-5.0, 6.0), 3, RNG)


@pytest.mark.parametrize("scheme", [Cws(), Pws(), Uq(), Ecsq()])
def test_nothing_to_share_is_refused(scheme: Scheme) -> None:
    with pytest.raises(TropnncError, match="no nonzero weights"):
        scheme.share(np.zeros(0), 4, RNG)
    with pytest.raises(TropnncError, match="k = 0 is out of range"):
        scheme.share(np.ones(3), 0, RNG)


def test_bad_options() -> None:
    with pytest.raises(TropnncError, match="k = 1 is out of range, accepted are 2 and more"):
        Pws().share(np.ones(3), 1, RNG)
    with pytest.raises(TropnncError, match="multiplier = 0"):
        Ecsq(0)
    with pytest.raises(TropnncError, match="rounds = 0"):
        Ecsq(rounds=0)
