"""Prefix codes of gaps: Elias γ, Elias δ and Golomb–Rice (relatives.md C2).

All three write a number of zeros, a one, and as many bits as the zeros (or a header) announce.
Decoding finds the length of the codeword that would begin at *every* bit at once; only the walk
from codeword to codeword is a loop.
"""

from __future__ import annotations

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.indexcodec.bits import Bits, checked, fields, join, pack, unpack
from tropnnc.unit import IntArray

WIDEST = 63  # bits of a number


def bit_lengths(values: IntArray) -> IntArray:
    """Bits of positive integers below 2⁵³, [k]."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def gamma_bits(gaps: IntArray) -> Bits:
    """Elias γ of gap + 1: its length − 1 in zeros, then its bits."""
    return join(gaps + 1, 2 * bit_lengths(gaps + 1) - 1)


def delta_bits(gaps: IntArray) -> Bits:
    """Elias δ of gap + 1: γ of its length, then its bits without the first."""
    lengths = bit_lengths(gaps + 1)
    tails = gaps + 1 - (1 << lengths - 1)
    return join(lengths << lengths - 1 | tails, 2 * bit_lengths(lengths) + lengths - 2)


def rice_bits(gaps: IntArray, low: int) -> Bits:
    """Golomb–Rice: gap >> ``low`` in unary (zeros, then a one), then the ``low`` lowest bits."""
    tails = gaps & (1 << low) - 1
    return join(1 << low | tails, (gaps >> low) + 1 + low)


def best_low(gaps: IntArray) -> int:
    """The number of low bits with which :func:`rice_bits` is shortest, the first of the best."""
    widest = int(gaps.max(initial=0)).bit_length()
    return min(range(widest + 1), key=lambda low: int((gaps >> low).sum()) + len(gaps) * low)


def write_gamma(gaps: IntArray) -> bytes:
    """See :func:`gamma_bits`."""
    return pack(gamma_bits(gaps))


def read_gamma(data: bytes, count: int) -> IntArray:
    """``count`` gaps; :class:`TropnncError` where the data are damaged."""
    bits = unpack(data)
    ones = _next_one(bits)
    starts = _walk(bits, 2 * ones - np.arange(len(bits)) + 1, count)
    widths = ones[starts] - starts + 1
    if widths.max(initial=0) > WIDEST:  # no int64, and time without end to read
        raise TropnncError(f"damaged index set: a gap of {widths.max()} bits")
    return fields(bits, ones[starts], widths) - 1


def write_delta(gaps: IntArray) -> bytes:
    """See :func:`delta_bits`."""
    return pack(delta_bits(gaps))


def read_delta(data: bytes, count: int) -> IntArray:
    """``count`` gaps; :class:`TropnncError` where the data are damaged."""
    bits = unpack(data)
    ones = _next_one(bits)
    widths = ones - np.arange(len(bits)) + 1
    whole = (widths <= WIDEST.bit_length()) & (ones + widths <= len(bits))
    lengths = np.full(len(bits), len(bits), dtype=np.int64)  # beyond the end: not a codeword
    lengths[whole] = fields(bits, ones[whole], widths[whole])
    lengths[lengths > WIDEST] = len(bits) + 1
    tails = ones + widths
    starts = _walk(bits, tails + lengths - 1, count)
    tail_bits = lengths[starts] - 1
    return (1 << tail_bits | fields(bits, tails[starts], tail_bits)) - 1


def write_rice(gaps: IntArray) -> bytes:
    """The number of low bits in a byte, then :func:`rice_bits`."""
    low = best_low(gaps)
    return bytes([low]) + pack(rice_bits(gaps, low))


def read_rice(data: bytes, count: int) -> IntArray:
    """``count`` gaps; :class:`TropnncError` where the data are damaged."""
    if not data or data[0] >= WIDEST:
        raise TropnncError("damaged index set: no number of low bits")
    low, bits = data[0], unpack(data[1:])
    ones = _next_one(bits)
    starts = _walk(bits, ones + 1 + low, count)
    tails = fields(bits, ones[starts] + 1, np.full(count, low))
    heads = ones[starts] - starts
    if (heads >> WIDEST - low).any():
        raise TropnncError("damaged index set: a gap of more than 63 bits")
    return heads << low | tails


def _next_one(bits: Bits) -> IntArray:
    """The first one at or after every bit; the number of bits where there is none."""
    places = np.where(bits == 1, np.arange(len(bits)), len(bits))
    return np.minimum.accumulate(places[::-1])[::-1]


def _walk(bits: Bits, after: IntArray, count: int) -> IntArray:
    """Where ``count`` codewords begin, [count], if each ends where ``after`` says."""
    if count > len(bits):
        raise TropnncError(f"damaged index set: {count} gaps in {len(bits)} bits")
    step, last, place = after.data, len(bits), 0
    starts = np.empty(count, dtype=np.int64)
    for number in range(count):
        if place >= last:
            raise TropnncError("damaged index set: the data end within a gap")
        starts[number] = place
        place = step[place]
    checked(bits, min(place, last + 1))
    return starts
