"""Integers at a fixed number of bits each, and at whole bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
from bitarray import bitarray
from numpy.typing import NDArray

from tropnnc.errors import TropnncError

_CHUNK = 1 << 18  # entries at a time: 32 bytes each
_WORD = 32


def bits_for(distinct: int) -> int:
    """⌈log2 distinct⌉: bits that tell so many apart."""
    return (distinct - 1).bit_length()


def padded_bits(largest: int) -> int:
    """The smallest of 8, 16 and 32 with ``largest`` < 2^bits: the papers' b(x).

    Raises:
        TropnncError: there is none.
    """
    for bits in (8, 16, _WORD):
        if largest < 1 << bits:
            return bits
    raise TropnncError(f"{largest} rows or entries; accepted are fewer than 2^{_WORD}")


def pack(numbers: NDArray[np.integer[Any]], width: int) -> bitarray:
    """Numbers below 2^``width`` ≤ 2^32, most significant bit first, without padding."""
    bits = bitarray(endian="big")
    for start in range(0, len(numbers), _CHUNK):
        block = numbers[start : start + _CHUNK].astype(">u4").view(np.uint8)
        planes = np.unpackbits(block.reshape(-1, 4), axis=1)[:, _WORD - width :]
        bits.frombytes(np.packbits(planes).tobytes())  # whole bytes, as a chunk is a multiple of 8
        del bits[(start + len(planes)) * width :]
    return bits


def unpack(bits: bitarray, width: int, count: int) -> NDArray[np.uint32]:
    """The first ``count`` numbers of :func:`pack`.

    Raises:
        TropnncError: there are fewer.
    """
    if width * count > len(bits) or width > _WORD:
        what = f"{count} numbers of {width} bits are declared, {len(bits)} bits are left"
        raise TropnncError(f"damaged: {what}")
    numbers = np.empty(count, np.uint32)
    for start in range(0, count, _CHUNK):
        size = min(_CHUNK, count - start)
        block = bits[start * width : (start + size) * width].tobytes()
        planes = np.zeros((size, _WORD), np.uint8)
        flat = np.unpackbits(np.frombuffer(block, np.uint8), count=size * width)
        planes[:, _WORD - width :] = flat.reshape(size, width)
        numbers[start : start + size] = np.packbits(planes, axis=1).view(">u4")[:, 0]
    return numbers
