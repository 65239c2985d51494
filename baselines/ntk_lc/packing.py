"""Ternary matrices as two bit planes: two bits a weight."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tropnnc.errors import TropnncError


def pack(ternary: Tensor) -> Tensor:
    """Where it is 1 and where it is −1, ``[2, ⌈numel/8⌉]`` uint8.

    Args:
        ternary: int8, entries 0 and ±1.

    Raises:
        TropnncError: another entry.
    """
    flat = ternary.flatten().numpy()
    if flat.dtype != np.int8 or np.abs(flat).max(initial=0) > 1:
        raise TropnncError("only int8 matrices of 0, 1 and −1 are accepted")
    return torch.from_numpy(np.packbits(np.stack([flat > 0, flat < 0]), axis=1))


def unpack(planes: Tensor, rows: int, columns: int) -> Tensor:
    """The matrix of :func:`pack`, ``[rows, columns]`` int8."""
    bits = np.unpackbits(planes.numpy(), axis=1, count=rows * columns).view(np.int8)
    return torch.from_numpy((bits[0] - bits[1]).reshape(rows, columns))
