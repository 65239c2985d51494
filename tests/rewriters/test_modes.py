"""Weights as tensors of other modes: entry by entry, and there and back."""

from __future__ import annotations

from math import prod

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.rewriters.modes import chain, factors, merged, short_chain, split, tensorised
from tropnnc import TropnncError

dims = st.lists(st.integers(1, 4), min_size=2, max_size=2)


def numbered(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.arange(prod(shape)).reshape(shape)


@pytest.mark.parametrize(
    ("size", "parts", "expected"),
    [
        (300, 2, (15, 20)),
        (784, 2, (28, 28)),
        (300, 3, (5, 6, 10)),
        (784, 3, (7, 8, 14)),
        (300, 4, (3, 4, 5, 5)),
        (784, 4, (4, 4, 7, 7)),
        (101, 2, (1, 101)),
        (1, 3, (1, 1, 1)),
    ],
)
def test_factors_are_balanced(size: int, parts: int, expected: tuple[int, ...]) -> None:
    assert factors(size, parts) == expected


@pytest.mark.parametrize(("size", "parts"), [(0, 2), (12, 0)])
def test_numbers_below_one_have_no_factors(size: int, parts: int) -> None:
    with pytest.raises(TropnncError, match="accepted are 1 and more"):
        factors(size, parts)


@given(dims, dims, st.integers(1, 3), st.integers(1, 3))
@settings(max_examples=25, deadline=None)
def test_every_arrangement_has_an_inverse(
    rows: list[int], columns: list[int], height: int, width: int
) -> None:
    shape = (prod(rows), prod(columns))
    kernel = (*shape, height, width)
    for arrangement in (
        split(rows, columns),
        merged(rows, columns),
        chain(kernel),
        short_chain(kernel),
        tensorised(kernel, rows, columns),
    ):
        weight = numbered(arrangement.shape)
        tensor = arrangement.tensor(weight)
        assert tuple(tensor.shape) == arrangement.modes
        assert torch.equal(arrangement.weight(tensor), weight)
        again = numbered(arrangement.modes)
        assert torch.equal(arrangement.tensor(arrangement.weight(again)), again)


def test_where_entries_of_a_matrix_go() -> None:
    weight = numbered((6, 20))
    apart, pairs = split((2, 3), (4, 5)).tensor(weight), merged((2, 3), (4, 5)).tensor(weight)
    assert apart.shape == (2, 3, 4, 5)
    assert pairs.shape == (8, 15)
    for o1, o2, i1, i2 in ((0, 0, 0, 0), (1, 2, 3, 4), (1, 0, 2, 3)):
        entry = weight[3 * o1 + o2, 5 * i1 + i2]
        assert apart[o1, o2, i1, i2] == entry
        assert pairs[4 * o1 + i1, 5 * o2 + i2] == entry


def test_where_entries_of_a_kernel_go() -> None:
    kernel = numbered((6, 20, 3, 2))
    long, short = chain(kernel.shape).tensor(kernel), short_chain(kernel.shape).tensor(kernel)
    pairs = tensorised(kernel.shape, (2, 3), (4, 5)).tensor(kernel)
    assert pairs.shape == (6, 8, 15)
    for o, c, h, w in ((0, 0, 0, 0), (5, 19, 2, 1), (3, 13, 1, 0)):
        entry = kernel[o, c, h, w]
        assert long[c, h, w, o] == entry
        assert short[c, 2 * h + w, o] == entry
        assert pairs[2 * h + w, (c // 5) * 2 + o // 3, (c % 5) * 3 + o % 3] == entry


def test_merged_modes_need_as_many_factors_on_both_sides() -> None:
    with pytest.raises(TropnncError, match="1 factors of the rows"):
        merged((6,), (4, 5))
