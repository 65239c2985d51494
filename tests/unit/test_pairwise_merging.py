"""Srinivas & Babu and Iterative Feature Merging against loops on the weights themselves."""

from __future__ import annotations

import numpy as np
import pytest

from baselines.ifm import Ifm
from baselines.pairwise import replay
from baselines.srinivas_babu import SrinivasBabu
from tests.units import KINDS, difference, kept_of, make_unit, mix_of, random_inputs, with_weights
from tropnnc import Reduction
from tropnnc.unit import Unit


def reduced(method: Ifm | SrinivasBabu, unit: Unit, k: int) -> Reduction:
    return method.reduce(method.prepare(unit, np.random.default_rng(0)), k)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 4, 9])
def test_srinivas_and_babu(kind: str, k: int) -> None:
    unit = make_unit(kind, np.random.default_rng(0))
    rows = dict(enumerate(unit.incoming))
    columns = {i: c.copy() for i, c in enumerate(unit.outgoing)}
    while len(rows) > k:
        pairs = [(i, j) for i in rows for j in rows if i != j]
        i, j = min(
            pairs,
            key=lambda p: np.mean(columns[p[1]] ** 2) * np.sum((rows[p[0]] - rows[p[1]]) ** 2),
        )
        columns[i] = columns[i] + columns.pop(j)
        del rows[j]
    answer = reduced(SrinivasBabu(), unit, k)
    assert kept_of(answer) == list(rows)
    np.testing.assert_allclose(mix_of(answer).T @ unit.outgoing, list(columns.values()))
    np.testing.assert_array_equal(answer.incoming, list(rows.values()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 4, 9])
def test_iterative_feature_merging(kind: str, k: int) -> None:
    unit = make_unit(kind, np.random.default_rng(1))
    features = [
        (row, column, 1.0) for row, column in zip(unit.incoming, unit.outgoing, strict=True)
    ]
    while len(features) > k:
        pairs = [(i, j) for i in range(len(features)) for j in range(i)]

        def distance(pair: tuple[int, int]) -> float:
            (w, c, _), (v, d, _) = (features[index] for index in pair)
            return float(((w - v)[:-1] ** 2).sum() + ((c - d) ** 2).sum())

        i, j = min(pairs, key=distance)
        (w, c, a), (v, d, b) = features.pop(i), features.pop(j)
        features.append((w + v, (a * c + b * d) / (a + b), a + b))
    answer = reduced(Ifm(), unit, k)
    columns = mix_of(answer).T @ unit.outgoing
    for row, column, _ in features:
        same = np.flatnonzero(np.isclose(answer.incoming, row).all(axis=1))
        assert len(same) == 1
        np.testing.assert_allclose(columns[same[0]], column)


@pytest.mark.parametrize("method", [Ifm(), SrinivasBabu()])
@pytest.mark.parametrize("kind", KINDS)
def test_doubled_neurons_merge_exactly(method: Ifm | SrinivasBabu, kind: str) -> None:
    rng = np.random.default_rng(2)
    unit = make_unit(kind, rng)
    twice = np.arange(10) // 2
    # IFM adds up distances of both sides, Srinivas and Babu's neurons need not agree behind.
    outgoing = tuple(
        c.outgoing[:, twice] if isinstance(method, Ifm) else c.outgoing for c in unit.consumers
    )
    doubled = with_weights(unit, unit.incoming[twice], outgoing)
    inputs = random_inputs(unit, kind, rng)
    assert difference(doubled, reduced(method, doubled, 5), inputs) < 1e-10
    assert difference(doubled, reduced(method, doubled, 4), inputs) > 1e-3


def test_replay_follows_chains() -> None:
    left, labels = replay([(1, 0), (2, 1), (4, 3)], n=5, k=2)
    assert left.tolist() == [2, 4]
    assert labels.tolist() == [0, 0, 0, 1, 1]
