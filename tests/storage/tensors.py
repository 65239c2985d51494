"""Tensors that are hard to store, and the comparison that no NaN escapes."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from tropnnc.storage.codecs import CODECS
from tropnnc.storage.form import DTYPES, form_of, from_words, to_words

# Rows are inputs, columns are outputs, as in the paper; torch has them the other way round.
ICPR = torch.tensor(
    [[1, 0, 4, 0, 0], [0, 10, 0, 0, 0], [2, 3, 0, 0, 5], [0, 0, 0, 0, 0], [0, 0, 0, 0, 6]],
    dtype=torch.float32,
).T.contiguous()
DEGENERATE = {
    "all zero": torch.zeros(4, 7),
    "one distinct value": torch.full((3, 5), -0.25),
    "an empty column": torch.tensor([[0.0, 1.0, 2.0], [0.0, 0.0, 0.0], [3.0, 0.0, 3.0]]),
    "one row": torch.tensor([[1.0], [0.0], [2.0]]),
    "one entry": torch.tensor([[7.0]]),
    "one zero": torch.zeros(1, 1),
    "no entries": torch.zeros(0, 3),
    "no rows": torch.zeros(3, 0),
    "no dimension": torch.tensor(2.5),
    "minus zero": torch.tensor([[-0.0, 0.0], [0.0, -0.0]]),
    "NaN of several patterns": torch.tensor(
        [[0x7FC00000, 0x7F800001], [-1, 0x7FC00000]], dtype=torch.int32
    ).view(torch.float32),
    "256 rows": torch.arange(512.0).reshape(2, 256) % 3,
    "float16 numbers": torch.tensor([[0.5, -0.0, float("inf")], [2**-24, 65504.0, 1.0]]),
}


def bit_equal(one: Tensor, other: Tensor) -> bool:
    """Same dtype, shape and bytes."""
    same = one.dtype == other.dtype and one.shape == other.shape
    return same and to_words(one).tobytes() == to_words(other).tobytes()


def payload(tensor: Tensor, codec: str) -> bytes:
    """What ``codec`` makes of the tensor."""
    return CODECS[codec].encode(to_words(tensor), form_of(tensor))


def frequencies(tensor: Tensor) -> NDArray[np.integer]:
    """How often each value occurs."""
    return np.unique(to_words(tensor), return_counts=True)[1]


def skewed() -> Tensor:
    """200 × 300, 2 % of them of 64 values, the others 0."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(64, generator=generator)
    picked = values[torch.randint(0, 64, (200, 300), generator=generator)]
    return picked.where(torch.rand(200, 300, generator=generator) < 0.02, 0)


@st.composite
def tensors(draw: st.DrawFn) -> Tensor:
    """Any dtype, up to four dimensions, any sparsity, any bits: NaN and −0.0 among them."""
    dtype = DTYPES[draw(st.sampled_from(sorted(DTYPES)))]
    shape = draw(st.lists(st.integers(0, 6), max_size=4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    form = form_of(torch.empty(shape, dtype=dtype))
    alphabet = draw(st.integers(1, 40))
    values = torch.randint(0, 256, (alphabet, form.word.itemsize), generator=generator)
    if dtype == torch.bool:
        values %= 2
    zeros = torch.rand(form.entries, generator=generator) < draw(st.floats(0, 1))
    picked = values[torch.randint(0, alphabet, (form.entries,), generator=generator)]
    picked[zeros] = 0
    return from_words(picked.to(torch.uint8).numpy().view(form.word).reshape(-1), form)
