"""Exact transport by brute force and by a linear programme; the fusion by loops."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from scipy.optimize import linprog

from baselines.intra_fusion import IntraFusion
from baselines.transport import uniform_transport
from tests.units import KINDS, difference, make_unit, mix_of, random_inputs, with_weights
from tropnnc import Reduction
from tropnnc.unit import Array, Unit


def fused(unit: Unit, k: int) -> Reduction:
    method = IntraFusion()
    return method.reduce(method.prepare(unit, np.random.default_rng(0)), k)


def least_cost(cost: Array) -> float:
    """The linear programme, its constraints written one by one."""
    n, k = cost.shape
    rows, masses = [], []
    for i in range(n):
        rows.append([1.0 if cell // k == i else 0.0 for cell in range(n * k)])
        masses.append(1 / n)
    for j in range(k):
        rows.append([1.0 if cell % k == j else 0.0 for cell in range(n * k)])
        masses.append(1 / k)
    return float(linprog(cost.ravel(), A_eq=rows, b_eq=masses, method="highs").fun)


@pytest.mark.parametrize(("n", "k"), [(6, 6), (8, 4), (7, 3), (9, 6), (5, 1)])
@pytest.mark.parametrize("copies", [4096, 0])
def test_the_plan_is_optimal(n: int, k: int, copies: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("baselines.transport._COPIES", copies)
    cost = np.random.default_rng(n).random((n, k))
    plan = uniform_transport(cost)
    assert plan.min() >= 0
    np.testing.assert_allclose(plan.sum(axis=1), np.full(n, 1 / n))
    np.testing.assert_allclose(plan.sum(axis=0), np.full(k, 1 / k))
    assert (plan * cost).sum() == pytest.approx(least_cost(cost))


def test_a_square_transport_is_the_best_permutation() -> None:
    cost = np.random.default_rng(0).random((5, 5))
    best = min(permutations(range(5)), key=lambda p: sum(cost[i, p[i]] for i in range(5)))
    np.testing.assert_allclose(uniform_transport(cost), np.eye(5)[list(best)] / 5)


@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_averages_of_what_arrives_and_columns_go_where_mass_goes(kind: str) -> None:
    unit = make_unit(kind, np.random.default_rng(1))
    vectors = np.column_stack([unit.incoming, unit.outgoing])
    targets = sorted(sorted(range(10), key=lambda i: -np.abs(vectors[i]).sum())[:5])
    unit_length = [v / np.sqrt(v @ v) for v in vectors]
    cost = np.array([[np.abs(a - unit_length[j]).sum() for j in targets] for a in unit_length])
    answer = fused(unit, 5)
    plan = mix_of(answer) / 10  # of each source's mass 1/10
    np.testing.assert_allclose(plan.sum(axis=0), np.full(5, 0.2))
    assert (plan * cost).sum() == pytest.approx(least_cost(cost))
    for j in range(5):
        row = sum(5 * plan[i, j] * unit.incoming[i] for i in range(10))
        np.testing.assert_allclose(answer.incoming[j], row)


@pytest.mark.parametrize("kind", KINDS)
def test_doubled_neurons_fuse_exactly(kind: str) -> None:
    """The public code, one normalisation for rows and columns, doubles them twice over."""
    rng = np.random.default_rng(2)
    unit = make_unit(kind, rng)
    twice = np.arange(10) // 2
    outgoing = tuple(c.outgoing[:, twice] for c in unit.consumers)
    doubled = with_weights(unit, unit.incoming[twice], outgoing)
    # Importance that takes one of each pair: the plan then costs nothing.
    method = IntraFusion()
    state = method.prepare(doubled, rng)
    answer = method.reduce(replace(state, scores=np.arange(10) % 2), 5)
    assert difference(doubled, answer, random_inputs(unit, kind, rng)) < 1e-10
    other = method.reduce(state, 4)
    assert difference(doubled, other, random_inputs(unit, kind, rng)) > 1e-2


def test_a_neuron_of_zeros_is_no_error() -> None:
    unit = make_unit("linear", np.random.default_rng(3))
    rows = unit.incoming.copy()
    rows[0] = 0.0
    dead = with_weights(unit, rows, tuple(c.outgoing * 0 for c in unit.consumers))
    assert np.isfinite(fused(dead, 3).incoming).all()
