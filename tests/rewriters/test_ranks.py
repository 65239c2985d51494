"""Ranks by one threshold: the largest that fit, by trying them all."""

from __future__ import annotations

import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.rewriters.protocol import UnsupportedLayer
from baselines.rewriters.ranks import Ranks, select_ranks, tails

values = st.lists(st.floats(0, 9, allow_subnormal=False), min_size=1, max_size=6)
spectra = st.lists(values, min_size=1, max_size=4)


def count(ranks: Ranks) -> int:
    """Of a train of modes of 3."""
    ends = (1, *ranks, 1)
    return sum(3 * left * right for left, right in itertools.pairwise(ends))


@given(spectra, st.integers(0, 200))
@settings(max_examples=25, deadline=None)
def test_one_threshold_and_no_lower_one_fits(cuts: list[list[float]], budget: int) -> None:
    tensors = [torch.tensor(sorted(cut, reverse=True), dtype=torch.float64) for cut in cuts]
    if count((1,) * len(cuts)) > budget:
        with pytest.raises(UnsupportedLayer, match=f"the budget is {budget}"):
            select_ranks(tensors, count, budget)
        return
    found = select_ranks(tensors, count, budget)
    assert count(found) <= budget
    kept = [cut[:rank] for cut, rank in zip(map(sorted_down, cuts), found, strict=True)]
    left_out = [cut[rank:] for cut, rank in zip(map(sorted_down, cuts), found, strict=True)]
    rest = [value for cut in left_out for value in cut]
    bound = [cut[-1] for cut in kept if len(cut) > 1]  # a rank of one needs no threshold
    assert max(rest, default=0) <= min(bound, default=9)
    for threshold in {value for value in rest if value < max(rest)}:  # ties may end in between
        ranks = tuple(max(1, sum(value >= threshold for value in cut)) for cut in cuts)
        assert count(ranks) > budget


def sorted_down(cut: list[float]) -> list[float]:
    return sorted(cut, reverse=True)


def test_equal_singular_values_do_not_fall_together() -> None:
    flat = torch.ones(10, dtype=torch.float64)
    assert select_ranks([flat], lambda ranks: 7 * ranks[0], 45) == (6,)


def test_ranks_are_clipped_before_they_are_counted() -> None:
    long, short = torch.linspace(9, 1, 9), torch.tensor([5.0])
    assert select_ranks([long, short], sum, 6, lambda ranks: (min(3, ranks[0]), 1)) == (3, 1)


def test_a_tail_is_what_a_cut_leaves_out() -> None:
    spectrum = torch.tensor([1.0, 3.0, 2.0])
    assert tails(spectrum, 1) == pytest.approx(5)
    assert tails(spectrum, 3) == 0
