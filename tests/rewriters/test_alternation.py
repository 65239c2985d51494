"""The alternation of relatives.md B.4 and what positions cost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.rewriters.alternation import LowRankPlusSparse, alternate, largest, truncated
from baselines.rewriters.positions import POSITIONS, affordable, cheapest
from tropnnc.unit import Array

SEEDS = st.integers(0, 2**32 - 1)


def restored(split: LowRankPlusSparse) -> Array:
    whole = split.left @ split.right
    whole.flat[split.positions] += split.values
    return whole


@settings(max_examples=15, deadline=None)
@given(rank=st.integers(0, 20), entries=st.integers(0, 600), seed=SEEDS)
def test_the_error_never_grows(rank: int, entries: int, seed: int) -> None:
    weight = np.random.default_rng(seed).normal(size=(50, 60))
    split = alternate(weight, rank, entries, tolerance=-1.0)
    assert len(split.errors) == (15 if rank and entries else 1)
    assert all(b <= a * (1 + 1e-12) for a, b in zip(split.errors, split.errors[1:], strict=False))
    assert np.linalg.norm(weight - restored(split)) == pytest.approx(split.errors[-1], rel=1e-9)
    assert np.linalg.matrix_rank(split.left @ split.right) == rank
    assert split.positions.tolist() == sorted(set(split.positions.tolist()))
    assert len(split.values) == entries


def spiked(seed: int) -> tuple[Array, list[int]]:
    """Rank one, 30 × 40, and three entries of 20 … 30 more."""
    rng = np.random.default_rng(seed)
    weight = np.outer(rng.normal(size=30), rng.normal(size=40))
    where = rng.choice(1200, 3, replace=False)
    weight.flat[where] += rng.uniform(20, 30, 3)
    return weight, sorted(where.tolist())


@pytest.mark.parametrize("seed", [0, 4, 7])
def test_rank_one_with_three_spikes_is_recovered(seed: int) -> None:
    weight, where = spiked(seed)
    split = alternate(weight, 1, 3, sweeps=15, tolerance=0.0)
    relative = np.array(split.errors) / np.linalg.norm(weight)
    assert 1e-7 < relative[4] < 1e-4
    assert relative[-1] < 1e-15
    assert split.positions.tolist() == where


def test_it_stays_where_no_single_step_helps() -> None:
    """Here a spike is the largest singular value, and the alternation keeps it in L."""
    weight, where = spiked(1)
    split = alternate(weight, 1, 3)
    assert split.errors[-1] > 0.4 * np.linalg.norm(weight)
    assert split.positions.tolist() != where


@pytest.mark.parametrize("shape", [(9, 14), (14, 9)])
def test_full_rank_leaves_nothing_and_all_entries_leave_nothing(shape: tuple[int, int]) -> None:
    weight = np.random.default_rng(0).normal(size=shape)
    full = alternate(weight, 9, 20)
    assert full.errors[-1] < 1e-13
    assert np.abs(full.values).max() < 1e-13
    assert alternate(weight, 0, weight.size).errors == (0.0,)
    assert alternate(np.zeros(shape), 3, 5).errors[-1] == 0.0


@settings(max_examples=20, deadline=None)
@given(rows=st.integers(1, 9), columns=st.integers(1, 9), seed=SEEDS, data=st.data())
def test_truncation_is_that_of_the_svd(
    rows: int, columns: int, seed: int, data: st.DataObject
) -> None:
    rank = data.draw(st.integers(0, min(rows, columns)))
    matrix = np.random.default_rng(seed).normal(size=(rows, columns))
    left, right = truncated(matrix, rank)
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    assert left.shape == (rows, rank)
    np.testing.assert_allclose(left @ right, (u[:, :rank] * s[:rank]) @ v[:rank], atol=1e-7)


def test_factors_have_equal_lengths() -> None:
    split = alternate(np.random.default_rng(1).normal(size=(12, 30)), 4, 10)
    lengths = np.linalg.norm(split.left, axis=0), np.linalg.norm(split.right, axis=1)
    np.testing.assert_allclose(*lengths)


def test_the_largest_entries_are_found() -> None:
    matrix = np.random.default_rng(2).normal(size=(7, 8))
    found = set(largest(matrix, 10).tolist())
    assert found == set(np.argsort(-np.abs(matrix).ravel())[:10].tolist())


@settings(max_examples=25, deadline=None)
@given(
    rows=st.integers(1, 12),
    columns=st.integers(1, 12),
    share=st.floats(0, 1.2),
    form=st.sampled_from(sorted(POSITIONS)),
)
def test_as_many_entries_as_fit_are_afforded(
    rows: int, columns: int, share: float, form: str
) -> None:
    total, bits = rows * columns, int(32 * share * rows * columns)

    def cost(entries: int) -> int:
        return 32 * entries + POSITIONS[form](rows, columns, entries)

    fitting = [k for k in range(total + 1) if k == 0 or cost(k) <= bits]
    assert affordable(bits, rows, columns, form) == max(fitting)
    best = cheapest(bits, rows, columns)
    assert affordable(bits, rows, columns, best) >= max(fitting)


def test_published_sizes_of_positions() -> None:
    """784 inputs and 300 outputs: 18 bits an entry, 10 in a row, or a bit for every weight."""
    assert POSITIONS["entry"](300, 784, 37_800) == 18 * 37_800
    assert POSITIONS["csr"](300, 784, 37_800) == 10 * 37_800 + 301 * 16
    assert POSITIONS["bitmap"](300, 784, 37_800) == 235_200
    assert affordable(32 * (117_600 - 54 * 1084), 300, 784, "entry") == 37_800
