"""Positions at a fixed width, and the bitmap."""

from __future__ import annotations

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.indexcodec.bits import checked, join, pack, unpack
from tropnnc.unit import IntArray


def position_width(n: int) -> int:
    """Bits that tell ``n`` positions apart: ceil(log2 n)."""
    return max(n - 1, 0).bit_length()


def write_raw32(indices: IntArray, n: int) -> bytes:
    """Four bytes a position, the lowest first.

    Raises:
        TropnncError: there are more positions than four bytes tell apart.
    """
    if n > 1 << 32:
        raise TropnncError(f"raw32 has no room for n = {n}, accepted are up to 2^32")
    return indices.astype("<u4").tobytes()


def read_raw32(data: bytes, count: int) -> IntArray:
    """``count`` positions; :class:`TropnncError` where the data are damaged."""
    if len(data) != 4 * count:
        raise TropnncError(f"damaged index set: {len(data)} bytes for {count} positions")
    return np.frombuffer(data, dtype="<u4").astype(np.int64)


def write_packed(indices: IntArray, n: int) -> bytes:
    """ceil(log2 n) bits a position."""
    return pack(join(indices, np.full(len(indices), position_width(n))))


def read_packed(data: bytes, count: int, n: int) -> IntArray:
    """``count`` positions; :class:`TropnncError` where the data are damaged."""
    width = position_width(n)
    bits = unpack(data, count * width).reshape(count, width).astype(np.int64)
    return bits @ (1 << np.arange(width, dtype=np.int64)[::-1])


def write_bitmap(indices: IntArray, n: int) -> bytes:
    """A bit for each of the ``n`` positions."""
    bits = np.zeros(n, dtype=np.uint8)
    bits[indices] = 1
    return pack(bits)


def read_bitmap(data: bytes, count: int, n: int) -> IntArray:
    """``count`` positions; :class:`TropnncError` where the data are damaged."""
    if len(data) != -(-n // 8):
        raise TropnncError(f"damaged index set: {len(data)} bytes for {n} positions")
    [indices] = checked(unpack(data), n).nonzero()
    if len(indices) != count:
        raise TropnncError(f"damaged index set: {len(indices)} positions, not {count}")
    return indices.astype(np.int64)
