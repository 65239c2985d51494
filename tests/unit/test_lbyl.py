"""LBYL against its objective, solved as one stacked least squares per neuron."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from baselines.lbyl import Lbyl
from tests.units import (
    batch_normed,
    difference,
    kept_of,
    make_unit,
    mix_of,
    random_inputs,
    with_norm,
)
from tropnnc import Reduction, TropnncError
from tropnnc.unit import Array, Unit


def reduced(unit: Unit, k: int, method: Lbyl | None = None) -> Reduction:
    method = method or Lbyl()
    return method.reduce(method.prepare(unit, np.random.default_rng(0)), k)


def stacked(unit: Unit, i: int, kept: list[int], lambda1: float, lambda2: float) -> Array:
    """``k_j s_j`` of the minimiser of the objective, one row per squared term."""
    bn, f = unit.batch_norm, unit.filters
    assert bn is not None
    sigma = np.sqrt(bn.running_var + bn.eps)
    mu = bn.running_mean - unit.filter_bias
    k = [bn.weight[i] / bn.weight[j] * sigma[j] / sigma[i] for j in kept]
    rows = [[f[j][d] for j in kept] for d in range(f.shape[1])]
    targets = list(f[i])
    factor = bn.weight[i] / sigma[i]
    shift = [factor * (mu[j] - sigma[j] * bn.bias[j] / bn.weight[j]) for j in kept]
    rows.append([np.sqrt(lambda1) * x for x in shift])
    targets.append(np.sqrt(lambda1) * (factor * mu[i] - bn.bias[i]))
    for position, size in enumerate(k):
        row = [0.0] * len(kept)
        row[position] = np.sqrt(lambda2) * size
        rows.append(row)
        targets.append(0.0)
    return np.array(k) * np.linalg.lstsq(np.array(rows), np.array(targets))[0]


@pytest.mark.parametrize("lambdas", [(1e-5, 1e-2), (0.5, 0.1), (3.0, 1e-3)])
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_the_coefficients_minimise_the_objective(kind: str, lambdas: tuple[float, float]) -> None:
    """σ is the standard deviation and the bias residual a rank-one term."""
    rng = np.random.default_rng(0)
    unit = batch_normed(make_unit(kind, rng), rng, negative=True)
    answer = reduced(unit, 6, Lbyl("l2", *lambdas))
    kept, mix = kept_of(answer), mix_of(answer)
    for i in set(range(10)) - set(kept):
        np.testing.assert_allclose(mix[i], stacked(unit, i, kept, *lambdas), rtol=1e-6)
    np.testing.assert_array_equal(mix[kept], np.eye(6))


def test_the_bias_residual_is_no_diagonal() -> None:
    """The public code adds the squared norm of the bias vector to every diagonal entry."""
    rng = np.random.default_rng(1)
    unit = batch_normed(make_unit("conv", rng), rng)
    answer = reduced(unit, 6, Lbyl("l2", 0.5, 1e-2))
    kept = kept_of(answer)
    i = next(iter(set(range(10)) - set(kept)))
    bn = unit.batch_norm
    assert bn is not None
    mu = bn.running_mean - unit.filter_bias
    shift = bn.scale[i] * (mu[kept] - bn.bias[kept] / bn.scale[kept])
    factor = bn.scale[i] / bn.scale[kept]
    f = unit.filters
    diagonal = np.diag(0.5 * (shift @ shift) + 1e-2 * factor**2)
    right = f[kept] @ f[i] + 0.5 * (bn.scale[i] * mu[i] - bn.bias[i]) * shift
    theirs = factor * np.linalg.solve(f[kept] @ f[kept].T + diagonal, right)
    assert np.abs(mix_of(answer)[i] - theirs).max() > 0.05


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("kind", ["linear", "conv"])
def test_without_batch_norm_it_is_a_ridge_on_filter_and_bias(kind: str, intercept: bool) -> None:
    unit = make_unit(kind, np.random.default_rng(2))
    answer = reduced(unit, 5, Lbyl(lambda1=7.0, lambda2=0.3, intercept=intercept))
    kept, rows = kept_of(answer), unit.incoming
    for i in set(range(10)) - set(kept):
        fit = Ridge(alpha=0.3, fit_intercept=intercept).fit(rows[kept].T, rows[i])
        np.testing.assert_allclose(mix_of(answer)[i], fit.coef_, rtol=1e-8)


@pytest.mark.parametrize("normed", [False, True])
def test_copies_are_written_with_their_originals_as_the_ridge_vanishes(normed: bool) -> None:
    rng = np.random.default_rng(3)
    unit = make_unit("conv", rng)
    halves = np.where(np.arange(10) < 5, 1.0, 0.5)[:, None]
    rows = np.tile(np.column_stack([unit.filters, unit.filter_bias])[:5], (2, 1)) * halves
    unit = replace(unit, filters=rows[:, :-1], filter_bias=rows[:, -1], incoming=rows)
    if normed:
        unit = batch_normed(unit, rng)
        bn = unit.batch_norm
        assert bn is not None
        # β that makes z_{i+5} a positive multiple of z_i.
        factor = 0.5 * bn.scale[5:] / bn.scale[:5]
        zero = unit.filter_bias - bn.running_mean
        bias = bn.bias.copy()
        bias[5:] = factor * (bn.bias[:5] + bn.scale[:5] * zero[:5]) - bn.scale[5:] * zero[5:]
        unit = with_norm(unit, replace(bn, bias=bias))
    answer = reduced(unit, 5, Lbyl(lambda1=1e-10, lambda2=1e-10))
    assert kept_of(answer) == [0, 1, 2, 3, 4]
    assert difference(unit, answer, random_inputs(unit, "conv", rng)) < 1e-7


def test_constant_neurons_neither_carry_nor_are_carried() -> None:
    rng = np.random.default_rng(4)
    unit = batch_normed(make_unit("conv", rng), rng)
    bn = unit.batch_norm
    assert bn is not None
    order = np.argsort(-np.linalg.norm(unit.filters, axis=1))
    weight = bn.weight.copy()
    weight[[order[0], order[-1]]] = 0.0
    answer = reduced(replace(unit, batch_norm=replace(bn, weight=weight)), 5)
    mix, kept = mix_of(answer), kept_of(answer)
    assert not mix[order[-1]].any()
    assert np.count_nonzero(mix[:, kept.index(order[0])]) == 1
    assert np.isfinite(mix).all()


@pytest.mark.parametrize("lambdas", [(-1.0, 1.0), (0.0, 0.0)])
def test_a_ridge_that_is_none_is_refused(lambdas: tuple[float, float]) -> None:
    with pytest.raises(TropnncError, match="out of range; accepted are lambda1 from 0"):
        Lbyl("l2", *lambdas)
