"""Codewords of different lengths as one row of bits, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tropnnc.errors import TropnncError
from tropnnc.unit import IntArray

Bits = NDArray[np.uint8]


def join(values: IntArray, widths: IntArray) -> Bits:
    """The lowest ``widths`` bits of every value, highest first, one after another.

    Args:
        values: [k], non-negative.
        widths: [k]; where a width is above 63 the codeword begins with zeros.

    Returns:
        [sum(widths)] zeros and ones.
    """
    ends = np.cumsum(widths)
    total = int(ends[-1]) if len(ends) else 0
    shifts = np.repeat(ends, widths) - 1 - np.arange(total)
    return (np.repeat(values, widths) >> np.minimum(shifts, 63) & 1).astype(np.uint8)


def fields(bits: Bits, starts: IntArray, widths: IntArray) -> IntArray:
    """The numbers of ``widths`` bits at ``starts``, both [k], highest bit first; [k]."""
    values = np.zeros(len(starts), dtype=np.int64)
    for place in range(int(widths.max(initial=0))):
        inside = place < widths
        values[inside] = values[inside] << 1 | bits[starts[inside] + place]
    return values


def pack(bits: Bits) -> bytes:
    """Eight bits a byte, the first one highest, the last byte filled with zeros."""
    return np.packbits(bits).tobytes()


def unpack(data: bytes, count: int | None = None) -> Bits:
    """The bits of ``data``; with ``count``, exactly so many.

    Raises:
        TropnncError: there are fewer, or more than fill the last byte with zeros.
    """
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8))
    return bits if count is None else checked(bits, count)


def checked(bits: Bits, count: int) -> Bits:
    """The first ``count`` bits, what follows being no more than the filling of a byte.

    Raises:
        TropnncError: it is more, or less, or not zero.
    """
    if not count <= len(bits) < count + 8 or bits[count:].any():
        raise TropnncError(f"damaged index set: {len(bits)} bits where {count} are expected")
    return bits[:count]
