"""OBSPA-like pruning against optimal brain surgeon, one removal after the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from baselines.obspa import Obspa, noise_gram, removals
from tests.units import KINDS, kept_of, make_unit, mix_of
from tropnnc import TropnncError
from tropnnc.unit import Array, Depthwise


def surgeon(hessian: Array, columns: Array, k: int) -> tuple[list[int], Array]:
    """The kept channels and all their columns ``[n, ·]``, inverting H anew at every step."""
    columns = columns.copy()
    alive = list(range(len(hessian)))
    while len(alive) > k:
        inverse = np.linalg.inv(hessian[np.ix_(alive, alive)])
        losses = [(columns[q] ** 2).sum() / inverse[a, a] for a, q in enumerate(alive)]
        worst = losses.index(min(losses))
        delta = -np.outer(inverse[:, worst] / inverse[worst, worst], columns[alive[worst]])
        columns[alive] += delta
        del alive[worst]
    return alive, columns[alive]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 4, 9])
def test_the_mix_is_the_sum_of_all_updates(kind: str, k: int) -> None:
    unit = make_unit(kind, np.random.default_rng(0))
    method = Obspa(samples=200)
    state = method.prepare(unit, np.random.default_rng(1))
    kept, columns = surgeon(state.hessian, unit.outgoing, k)
    answer = method.reduce(state, k)
    assert kept_of(answer) == kept
    np.testing.assert_allclose(mix_of(answer).T @ unit.outgoing, columns, rtol=1e-6, atol=1e-9)


def test_every_channel_is_removed_once_the_silent_ones_first() -> None:
    rng = np.random.default_rng(2)
    hessian = np.cov(rng.normal(size=(8, 50))) + np.eye(8)
    columns = rng.normal(size=(8, 3)) * (np.arange(8) > 1)[:, None]
    order = removals(hessian, columns @ columns.T).tolist()
    assert sorted(order) == list(range(8))
    assert set(order[:2]) == {0, 1}


def test_noise_has_the_arc_cosine_moments() -> None:
    """Without biases ``E[relu(a·u) relu(b·u)] = |a||b| (sin θ + (π − θ) cos θ)/2π``."""
    unit = make_unit("linear", np.random.default_rng(3), neurons=4)
    rows = unit.incoming * (np.arange(7) < 6)
    samples = 40_000
    gram = noise_gram(replace(unit, incoming=rows), samples, np.random.default_rng(5)) / samples
    norms = np.linalg.norm(rows, axis=1)
    theta = np.arccos(np.clip(rows @ rows.T / np.outer(norms, norms), -1, 1))
    expected = np.outer(norms, norms) * (np.sin(theta) + (np.pi - theta) * np.cos(theta))
    expected /= 2 * np.pi
    # The variance of a square is 5/4·|a|⁴, that of a product no more than the two squares' mean.
    error = np.sqrt(1.25 / samples) * np.outer(norms, norms)
    assert (np.abs(gram - expected) <= 3 * error).all()


def test_noise_passes_depthwise_convolutions_and_clips() -> None:
    rng = np.random.default_rng(5)
    rows = np.column_stack([rng.normal(size=(6, 2)), rng.normal(size=6)])
    stage = Depthwise("d", rows, rows[:, :-1], rows[:, -1], None, cap=None)
    plain = replace(make_unit("linear", rng, neurons=6), cap=0.9)
    unit = replace(plain, depthwise=(stage,))
    samples = 20_000
    alone = noise_gram(plain, samples, np.random.default_rng(6)) / samples
    assert np.diag(alone).max() <= 0.9**2
    # E[h] of the clipped units from draws of its own.
    u = np.column_stack([rng.normal(size=(samples, 6)), np.ones(samples)])
    mean = np.clip(u @ plain.incoming.T, 0, 0.9).mean(axis=0)
    covariance = alone - np.outer(mean, mean)
    through = rows[:, :-1].sum(axis=1) * mean + rows[:, -1]
    expected = covariance * (rows[:, :-1] @ rows[:, :-1].T) + np.outer(through, through)
    gram = noise_gram(unit, samples, np.random.default_rng(7)) / samples
    np.testing.assert_allclose(gram, expected, atol=0.15)


@pytest.mark.parametrize("options", [{"samples": 0}, {"damping": 0.0}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(TropnncError, match="out of range"):
        Obspa(**options)  # type: ignore[arg-type]
