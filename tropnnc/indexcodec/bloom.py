"""Bloom filters of positions: everything in the set answers yes, so does a share of the rest.

The hash is ours, so that the format depends on no library: a 64-bit mixer (SplitMix64's finaliser)
and double hashing a + j·b, b odd, modulo the number of bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log, log2

import numpy as np
from numpy.typing import NDArray

from tropnnc.errors import TropnncError
from tropnnc.indexcodec.bits import Bits, pack, unpack
from tropnnc.indexcodec.varints import read_varint, write_varint
from tropnnc.unit import IntArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
MOST_HASHES = 64
CHUNK = 1 << 16  # positions asked for at a time


def filter_size(count: int, rate: float) -> tuple[int, int]:
    """Bits m = ⌈−r ln ε / ln²2⌉ and hashes h = −log₂ ε, rounded, of ``count`` = r positions.

    Args:
        count: of positions in the filter, 1 or more.
        rate: ε, the share of other positions that answer yes, in (0, 1).

    Raises:
        TropnncError: another rate.
    """
    if not 0 < rate < 1:
        raise TropnncError(f"false-positive rate {rate} is out of range, accepted is 0 to 1, open")
    bits = ceil(-count * log(rate) / log(2) ** 2)
    return bits, min(max(round(-log2(rate)), 1), MOST_HASHES)


@dataclass(frozen=True, eq=False)
class BloomFilter:
    """Which positions may be in a set.

    Attributes:
        bits: [m], zeros and ones.
        hashes: of a position, h.
    """

    bits: Bits
    hashes: int

    @classmethod
    def of(cls, indices: IntArray, rate: float) -> BloomFilter:
        """The filter of ``indices`` [r] at the false-positive ``rate``."""
        size, hashes = filter_size(max(len(indices), 1), rate)
        bits = np.zeros(size, dtype=np.uint8)
        bits[bit_places(indices, size, hashes)] = 1
        return cls(bits, hashes)

    def members(self, n: int) -> IntArray:
        """All of 0 … n − 1 that answer yes, ascending: P of relatives.md C2."""
        found = [self._members(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]
        return np.concatenate([np.zeros(0, dtype=np.int64), *found])

    def _members(self, start: int, stop: int) -> IntArray:
        asked = np.arange(start, stop)
        first, step = _hashes(asked)
        for number in range(self.hashes):  # what one hash rules out need not be asked again
            yes = self.bits[_place(first, step, number, len(self.bits))] == 1
            asked, first, step = asked[yes], first[yes], step[yes]
        return asked

    def to_bytes(self) -> bytes:
        """m, h and the bits."""
        return write_varint(len(self.bits)) + bytes([self.hashes]) + pack(self.bits)

    @classmethod
    def from_bytes(cls, data: bytes) -> BloomFilter:
        """What :meth:`to_bytes` has written; :class:`TropnncError` where it is damaged."""
        size, start = read_varint(data, 0)
        if size < 1 or start >= len(data) or not 1 <= data[start] <= MOST_HASHES:
            raise TropnncError("damaged Bloom filter: no bits or no hashes")
        return cls(unpack(data[start + 1 :], size), data[start])


def bit_places(indices: IntArray, size: int, hashes: int) -> IntArray:
    """The bits that every position hits in a filter of ``size`` bits, [k, hashes]."""
    first, step = _hashes(indices)
    return np.stack([_place(first, step, number, size) for number in range(hashes)], axis=1)


Hash = NDArray[np.uint64]


def _hashes(indices: IntArray) -> tuple[Hash, Hash]:
    first = _mixed(indices.astype(np.uint64) + _GOLDEN)
    return first, _mixed(first ^ _GOLDEN) | np.uint64(1)


def _mixed(values: Hash) -> Hash:
    values = (values ^ values >> np.uint64(30)) * _MIX[0]
    values = (values ^ values >> np.uint64(27)) * _MIX[1]
    return values ^ values >> np.uint64(31)


def _place(first: Hash, step: Hash, number: int, size: int) -> IntArray:
    return ((first + np.uint64(number) * step) % np.uint64(size)).astype(np.int64)
