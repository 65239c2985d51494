"""Random and norm pruning against their definitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from baselines.norm import Norm, l1, l1_folded, l2
from baselines.random import Random
from tests.units import kept_of, make_unit, mix_of
from tropnnc import Reducer, Reduction, TropnncError
from tropnnc.unit import Unit

Scores = Callable[[Unit], list[float]]


def _unit() -> Unit:
    """Twelve neurons whose raw and folded filters have nothing in common."""
    unit = make_unit("linear", np.random.default_rng(0), neurons=12)
    return replace(unit, incoming=np.random.default_rng(1).normal(size=unit.incoming.shape))


CASES: list[tuple[Norm, Scores]] = [
    (l1(), lambda unit: [sum(abs(a) for a in row) for row in unit.filters]),
    (
        l1(bias=True),
        lambda unit: [
            sum(abs(a) for a in row) + abs(b)
            for row, b in zip(unit.filters, unit.filter_bias, strict=True)
        ],
    ),
    (l2(), lambda unit: [sum(a * a for a in row) ** 0.5 for row in unit.filters]),
    (
        l2(bias=True),
        lambda unit: [
            (sum(a * a for a in row) + b * b) ** 0.5
            for row, b in zip(unit.filters, unit.filter_bias, strict=True)
        ],
    ),
    (l1_folded(), lambda unit: [sum(abs(a) for a in row[:-1]) for row in unit.incoming]),
    (l1_folded(bias=True), lambda unit: [sum(abs(a) for a in row) for row in unit.incoming]),
]


@pytest.mark.parametrize(("reducer", "scores"), CASES)
@pytest.mark.parametrize("k", [1, 5, 12])
def test_norms_keep_the_largest(reducer: Norm, scores: Scores, k: int) -> None:
    unit = _unit()
    state = reducer.prepare(unit, np.random.default_rng(0))
    ranked = sorted(range(12), key=lambda i: -scores(unit)[i])
    assert kept_of(reducer.reduce(state, k)) == sorted(ranked[:k])


def test_the_six_norms_differ_on_that_unit() -> None:
    unit = _unit()
    rankings = {
        tuple(np.argsort(reducer.prepare(unit, np.random.default_rng(0))[1]))
        for reducer, _ in CASES
    }
    assert len(rankings) == len(CASES)


def test_of_equal_norms_the_first_are_kept() -> None:
    unit = replace(_unit(), filters=np.ones((12, 3)))
    reduction = l1().reduce(l1().prepare(unit, np.random.default_rng(0)), 2)
    assert kept_of(reduction) == [0, 1]


def test_selection_keeps_rows_and_columns_unchanged() -> None:
    unit = _unit()
    reduction = l2().reduce(l2().prepare(unit, np.random.default_rng(0)), 3)
    kept = kept_of(reduction)
    np.testing.assert_array_equal(reduction.incoming, unit.incoming[kept])
    np.testing.assert_array_equal(mix_of(reduction), np.eye(unit.neurons)[:, kept])


def _random(seed: int, k: int) -> Reduction:
    unit = make_unit("linear", np.random.default_rng(0), neurons=20)
    return Random().reduce(Random().prepare(unit, np.random.default_rng(seed)), k)


def test_random_is_nested_seeded_and_covers_all() -> None:
    kept = [set(kept_of(_random(3, k))) for k in range(1, 21)]
    assert all(narrow < wide for narrow, wide in pairwise(kept))
    assert [len(keep) for keep in kept] == list(range(1, 21))
    assert len({tuple(kept_of(_random(seed, 10))) for seed in range(20)}) > 15


@pytest.mark.parametrize("k", [0, -1, 13])
@pytest.mark.parametrize("reducer", [Random(), l1()])
def test_a_width_out_of_range_is_an_error(reducer: Reducer, k: int) -> None:
    state = reducer.prepare(_unit(), np.random.default_rng(0))
    with pytest.raises(TropnncError, match=r"out of range, accepted are 1 to 12"):
        reducer.reduce(state, k)
