"""How the clusters are shared between the signs, and what a single-output method refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from baselines.misiakos_zonotope import misiakos_zonotope
from tests.units import clusters_of, make_unit, mix_of, with_weights
from tropnnc import TropnncError, Unit
from tropnnc.errors import UnsupportedUnit
from tropnnc.reduction import Reduction
from tropnnc.single_output import SingleOutput, side_widths, tropnnc_single
from tropnnc.unit import Array


def one_output(column: Array, incoming: Array | None = None) -> Unit:
    """A linear unit with outgoing weights ``column [n]``."""
    n = len(column)
    unit = make_unit("linear", np.random.default_rng(n), neurons=n)
    unit = replace(unit, consumers=unit.consumers[:1])
    rows = unit.incoming if incoming is None else incoming
    return with_weights(unit, rows, (np.asarray(column, dtype=np.float64).reshape(1, n, 1),))


def reduce(reducer: SingleOutput, unit: Unit, k: int) -> Reduction:
    return reducer.reduce(reducer.prepare(unit, np.random.default_rng(0)), k)


@pytest.mark.parametrize(
    ("k", "positive", "negative", "proportional", "half"),
    [
        (10, 30, 70, (3, 7), (5, 5)),
        (5, 50, 50, (3, 2), (3, 2)),  # 2.5 rounds up; of equal sides the positive one is larger
        (5, 30, 70, (2, 3), (2, 3)),  # 1.5 rounds up, as half to even would too
        (7, 50, 50, (4, 3), (4, 3)),  # 3.5 as well
        (1 + 2 * 4, 50, 50, (5, 4), (5, 4)),  # 4.5: half to even would give 4
        (3, 999, 1, (2, 1), (2, 1)),  # no side is left without a cluster
        (3, 1, 999, (1, 2), (1, 2)),
        (10, 2, 98, (1, 9), (2, 8)),  # no side gets more than its members
        (9, 98, 2, (8, 1), (7, 2)),
        (4, 9, 0, (4, 0), (4, 0)),
        (4, 0, 9, (0, 4), (0, 4)),
        (1, 9, 0, (1, 0), (1, 0)),
        (9, 4, 3, (4, 3), (4, 3)),  # more than there are: everyone stays
        (5, 0, 0, (0, 0), (0, 0)),
    ],
)
def test_clusters_are_shared_between_the_signs(
    k: int, positive: int, negative: int, proportional: tuple[int, int], half: tuple[int, int]
) -> None:
    assert side_widths(k, positive, negative, "proportional") == proportional
    assert side_widths(k, positive, negative, "half") == half


def test_every_split_is_as_near_to_the_asked_one_as_the_members_allow() -> None:
    for positive in range(1, 8):
        for negative in range(1, 8):
            for k in range(2, positive + negative + 1):
                allowed = [(a, k - a) for a in range(1, k) if a <= positive and k - a <= negative]
                share = k * positive / (positive + negative)
                nearest = min(abs(a - share) for a, _ in allowed)
                chosen = side_widths(k, positive, negative, "proportional")
                assert chosen in allowed
                assert abs(chosen[0] - share) == pytest.approx(nearest)
                halves = side_widths(k, positive, negative, "half")
                assert halves in allowed
                assert abs(halves[0] - halves[1]) == min(abs(a - b) for a, b in allowed)


def test_the_signs_are_never_merged() -> None:
    unit = one_output(np.array([1.0, -1, 2, -3, 1, -1, -1]))
    labels = clusters_of(reduce(tropnnc_single(), unit, 4))
    assert not set(labels[unit.outgoing[:, 0] > 0]) & set(labels[unit.outgoing[:, 0] < 0])


@pytest.mark.parametrize("reducer", [tropnnc_single(), misiakos_zonotope()])
@pytest.mark.parametrize("k", [2, 3, 5, 6, 8])
def test_neurons_nobody_reads_are_dropped_and_only_fill_what_is_left(
    reducer: SingleOutput, k: int
) -> None:
    column = np.array([0.0, 2, -1, 0, 3, 0.5, -2, 0])
    reduction = reduce(reducer, one_output(column), k)
    labels, outgoing = clusters_of(reduction), column @ mix_of(reduction)
    assert sorted(set(labels) - {-1}) == list(range(k))
    assert (labels[column != 0] >= 0).all()
    assert (labels[column == 0] >= 0).sum() == max(0, k - 5)
    np.testing.assert_allclose(np.abs(outgoing), [1.0] * min(k, 5) + [0.0] * max(0, k - 5))
    assert (mix_of(reduction)[labels < 0] == 0).all()


def test_a_unit_that_nobody_reads_stays_silent() -> None:
    reduction = reduce(tropnnc_single(), one_output(np.zeros(6)), 2)
    assert reduction.incoming.shape == (2, 7)
    assert clusters_of(reduction).tolist() == [0, 1, -1, -1, -1, -1]


@pytest.mark.parametrize("kind", ["linear", "conv", "flatten", "shared"])
def test_several_outgoing_weights_are_refused(kind: str) -> None:
    unit = make_unit(kind, np.random.default_rng(0))
    count = unit.outgoing.shape[1]
    with pytest.raises(UnsupportedUnit, match=rf"^producer: {count} outgoing .* accepts 1$"):
        tropnnc_single().prepare(unit, np.random.default_rng(0))


def test_one_output_at_several_taps_is_refused() -> None:
    unit = make_unit("flatten", np.random.default_rng(0))
    unit = with_weights(unit, unit.incoming, (unit.consumers[0].outgoing[:1],))
    with pytest.raises(UnsupportedUnit, match="9 outgoing weights"):
        tropnnc_single().prepare(unit, np.random.default_rng(0))


def test_one_cluster_is_too_few_for_two_signs() -> None:
    unit = one_output(np.array([1.0, -1, 2]))
    with pytest.raises(TropnncError, match=r"^producer: k = 1 .* both signs, accepted are 2 to 3$"):
        reduce(tropnnc_single(), unit, 1)
    assert reduce(tropnnc_single(), one_output(np.array([1.0, 0, 2])), 1).width == 1


def test_bad_options() -> None:
    with pytest.raises(TropnncError, match=r"unknown split 'odd'; accepted are proportional, half"):
        tropnnc_single(split="odd")  # pyright: ignore[reportArgumentType]  (that is the test)
    with pytest.raises(TropnncError, match="n_init = 0 is out of range"):
        misiakos_zonotope(n_init=0)
    with pytest.raises(TropnncError, match="k = 4 is out of range, accepted are 1 to 3"):
        reduce(tropnnc_single(), one_output(np.ones(3)), 4)
