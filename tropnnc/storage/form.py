"""Tensors as bit patterns: what codecs work on, so that −0.0 and every NaN survive."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tropnnc.errors import TropnncError

Words = NDArray[np.unsignedinteger]
# The largest vector of integers that is stored raw, as biases are.
SHORT = 16
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.bool,
        torch.int64, torch.int32, torch.int16, torch.int8,
        torch.uint64, torch.uint32, torch.uint16, torch.uint8,
    )
}  # fmt: skip
_SIGNED = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@dataclass(frozen=True)
class Form:
    """What a decoder is told about a tensor: dtype (a name of :data:`DTYPES`) and shape.

    As a matrix it has a column per output, the first dimension of a weight in torch, and a row
    per input: flattened by torch it is read column by column.
    """

    dtype: str
    shape: tuple[int, ...]

    @property
    def torch_dtype(self) -> torch.dtype:
        """The dtype as torch names it."""
        return DTYPES[self.dtype]

    @property
    def word(self) -> np.dtype[np.unsignedinteger]:
        """Unsigned integers of the same size, least byte first."""
        return np.dtype(f"<u{self.torch_dtype.itemsize}")

    @property
    def entries(self) -> int:
        """How many there are."""
        return prod(self.shape)

    @property
    def dense_bytes(self) -> int:
        """Of all entries, not coded."""
        return self.entries * self.torch_dtype.itemsize

    @property
    def columns(self) -> int:
        """Outputs; 1 for vectors."""
        return self.shape[0] if len(self.shape) > 1 else 1

    @property
    def rows(self) -> int:
        """Inputs per output."""
        return self.entries // max(self.columns, 1)

    @property
    def coded(self) -> bool:
        """Whether codecs apply: not to biases, batch norm, scalars and what is empty."""
        if len(self.shape) == 1 and not self.torch_dtype.is_floating_point:
            return self.entries > SHORT
        return len(self.shape) > 1 and self.entries > 0


def form_of(tensor: Tensor) -> Form:
    """The form of ``tensor``.

    Raises:
        TropnncError: it is sparse, quantised, without memory, or of a dtype that is not stored.
    """
    dtype = str(tensor.dtype).removeprefix("torch.")
    if dtype not in DTYPES or tensor.layout != torch.strided or tensor.is_meta:
        kind = f"{dtype}, {str(tensor.layout).removeprefix('torch.')}, on {tensor.device}"
        raise TropnncError(f"{kind} is not stored; accepted are dense {', '.join(DTYPES)}")
    return Form(dtype, tuple(tensor.shape))


def to_words(tensor: Tensor) -> Words:
    """Bit patterns of a tensor, ``[entries]``, column by column."""
    flat = tensor.detach().cpu().contiguous().flatten()
    size = tensor.dtype.itemsize
    return flat.view(_SIGNED[size]).numpy().view(f"<u{size}")


def from_words(words: Words, form: Form) -> Tensor:
    """The tensor with these bit patterns, in memory of its own."""
    signed = words.astype(form.word, copy=True).view(f"<i{form.word.itemsize}")
    return torch.from_numpy(signed).view(form.torch_dtype).reshape(form.shape)
