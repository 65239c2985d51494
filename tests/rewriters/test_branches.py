"""{-1,+1} branches of codes: the decomposition, its sine form, products by counting bits."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.rewriters.branches import branches, odd_integers, popcount_product
from baselines.rewriters.grids import OddGrid, odd_values


@pytest.mark.parametrize("width", range(1, 9))
def test_branches_of_every_code(width: int) -> None:
    codes = np.arange(2**width, dtype=np.uint8)
    signs = branches(codes, width)
    assert signs.shape == (width, 2**width)
    assert set(np.unique(signs).tolist()) == {-1, 1}
    expected = 2 * np.arange(2**width) - (2**width - 1)
    np.testing.assert_array_equal(odd_integers(signs), expected)
    np.testing.assert_array_equal(signs[0], 2 * (np.arange(2**width) % 2) - 1)  # the lowest first


@pytest.mark.parametrize("width", range(1, 9))
def test_the_sine_encoder(width: int) -> None:
    """``sign(sin(π L x/2^m))``, with a minus in front for m < M, but for ties."""
    x = np.random.default_rng(width).uniform(-1, 1, 4000)
    codes = OddGrid().codes(torch.from_numpy(x), torch.ones(1, dtype=torch.float64), width)
    m = np.arange(1, width + 1)[:, None]
    sines = np.sin(np.pi * (2**width - 1) * x / 2.0**m)
    assert np.abs(sines).min() > 0
    np.testing.assert_array_equal(
        np.sign(sines) * np.where(m < width, -1, 1), branches(codes.numpy(), width)
    )


@settings(max_examples=25, deadline=None)
@given(
    width=st.integers(1, 8),
    channelwise=st.booleans(),
    shape=st.sampled_from([(5, 7), (4, 3, 3, 2), (1, 1)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_branches_are_the_quantiser_bit_for_bit(
    width: int, channelwise: bool, shape: tuple[int, ...], seed: int
) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    axes = tuple(range(int(channelwise), len(shape)))
    scale = weight.abs().amax(dim=axes, keepdim=True)
    codes = OddGrid().codes(weight, scale, width)
    summed = torch.from_numpy(odd_integers(branches(codes.numpy(), width)))
    assert torch.equal(odd_values(summed, scale, width), OddGrid().values(codes, scale, width))


@pytest.mark.parametrize(("first", "second", "length"), [(2, 2, 64), (3, 5, 777), (8, 8, 1000)])
def test_counting_bits_is_the_integer_product(first: int, second: int, length: int) -> None:
    rng = np.random.default_rng(length)
    x = rng.integers(0, 2**first, (4, length), dtype=np.uint8)
    w = rng.integers(0, 2**second, (6, length), dtype=np.uint8)
    odd = [2 * c.astype(np.int64) - (2**m - 1) for c, m in ((x, first), (w, second))]
    counted = popcount_product(x, w, (first, second))
    np.testing.assert_array_equal(counted, odd[0] @ odd[1].T)
