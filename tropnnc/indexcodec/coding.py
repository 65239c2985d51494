"""Lossless codecs of sorted positions: a tag, n and their number, then the codec's own bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import index

import numpy as np

from tropnnc.errors import TropnncError, check_choice
from tropnnc.indexcodec import plain, prefix, ranges
from tropnnc.indexcodec.varints import read_varint, write_varint
from tropnnc.unit import IntArray


@dataclass(frozen=True)
class _Codec:
    """``write(positions, n)`` and ``read(data, count, n)``, of positions or of their gaps."""

    write: Callable[[IntArray, int], bytes]
    read: Callable[[bytes, int, int], IntArray]
    of_gaps: bool = True


# The place of a codec is its tag: new ones go to the end.
_CODECS = {
    "raw32": _Codec(plain.write_raw32, lambda data, k, _: plain.read_raw32(data, k), of_gaps=False),
    "packed": _Codec(plain.write_packed, plain.read_packed, of_gaps=False),
    "bitmap": _Codec(plain.write_bitmap, plain.read_bitmap, of_gaps=False),
    "gamma": _Codec(lambda g, _: prefix.write_gamma(g), lambda d, k, _: prefix.read_gamma(d, k)),
    "delta": _Codec(lambda g, _: prefix.write_delta(g), lambda d, k, _: prefix.read_delta(d, k)),
    "rice": _Codec(lambda g, _: prefix.write_rice(g), lambda d, k, _: prefix.read_rice(d, k)),
    "range": _Codec(ranges.write_range, ranges.read_range),
}


def index_codec_names() -> tuple[str, ...]:
    """The lossless codecs, by tag."""
    return tuple(_CODECS)


def encode(indices: IntArray, n: int, codec: str) -> bytes:
    """Strictly ascending ``indices`` out of 0 … n − 1 as bytes that :func:`decode` reads.

    A byte names the codec; n and the number of indices follow in as few bytes as they need.

    Args:
        indices: [k] of an integer type.
        n: positions there are.
        codec: one of :func:`index_codec_names`.

    Raises:
        TropnncError: the indices are not such, or there is no such codec.
    """
    check_choice("index codec", codec, index_codec_names())
    n = index(n)  # of numpy, it would overflow in the range coder's model
    indices = _checked_indices(indices, n)
    tag = index_codec_names().index(codec)
    header = bytes([tag]) + write_varint(n) + write_varint(len(indices))
    if not len(indices):
        return header
    chosen = _CODECS[codec]
    return header + chosen.write(_gaps(indices) if chosen.of_gaps else indices, n)


def decode(data: bytes) -> tuple[IntArray, int]:
    """The indices, strictly ascending, and n, of what :func:`encode` has written.

    Memory is proportional to the length of ``data``.

    Raises:
        TropnncError: the data are damaged.
    """
    if not data or data[0] >= len(_CODECS):
        raise TropnncError("damaged index set: it names no index codec")
    n, start = read_varint(data, 1)
    count, start = read_varint(data, start)
    if count > n or (count == 0 and start < len(data)):
        raise TropnncError(f"damaged index set: {count} indices of {n}")
    if count == 0:
        return np.zeros(0, dtype=np.int64), n
    codec = tuple(_CODECS.values())[data[0]]
    values = codec.read(data[start:], count, n)
    return _checked_positions(_indices(values, n) if codec.of_gaps else values, n), n


def smallest(indices: IntArray, n: int) -> bytes:
    """The shortest of what the lossless codecs write; of several, that of the lowest tag."""
    most = len(indices) * plain.position_width(n)  # bits of `packed`
    names = [name for name in _CODECS if name != "raw32" and (name != "bitmap" or n <= most + 8)]
    return min((encode(indices, n, name) for name in names), key=len)


def _gaps(indices: IntArray) -> IntArray:
    """Positions left out before each index, [k]."""
    return np.diff(indices, prepend=-1) - 1


def _indices(gaps: IntArray, n: int) -> IntArray:
    if gaps.min() < 0 or gaps.sum(dtype=np.float64) > n:  # an int64 could overflow
        raise TropnncError("damaged index set: a gap out of range")
    return np.cumsum(gaps + 1) - 1


def _checked_positions(indices: IntArray, n: int) -> IntArray:
    if indices[0] < 0 or indices[-1] >= n or (np.diff(indices) <= 0).any():
        raise TropnncError(f"damaged index set: its indices do not ascend within 0 to {n - 1}")
    return indices


def _checked_indices(indices: IntArray, n: int) -> IntArray:
    indices = np.asarray(indices)
    if indices.ndim != 1 or (len(indices) and not np.issubdtype(indices.dtype, np.integer)):
        raise TropnncError(f"indices of type {indices.dtype}: accepted is a row of integers")
    ascending = indices.astype(np.int64)
    out = len(ascending) and (ascending[0] < 0 or ascending[-1] >= n)
    if out or (np.diff(ascending) <= 0).any():
        raise TropnncError(f"indices are not accepted; strictly ascending within 0 to {n - 1} are")
    return ascending
