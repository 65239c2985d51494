"""Gaps by the range coder of ``constriction``, as if they were geometrically distributed.

A geometric gap has independent digits, each geometric itself: those of base 256 are coded one
level after another, so that no table has more than 256 entries, whatever the largest gap.
"""

from __future__ import annotations

from typing import Any

import constriction
import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.indexcodec.varints import read_varint, write_varint
from tropnnc.unit import IntArray

_STREAM: Any = constriction.stream  # pyright: ignore[reportAttributeAccessIssue]  (has no stubs)
DIGIT = 8
# The model's numbers are integers of so many bits: the same table on every machine.
PRECISION = 32
# A gap of zero is at most so likely: every gap costs something, so that a damaged count is seen.
LIKELIEST = 127 / 128
GAPS_PER_BYTE = 1024


def write_range(gaps: IntArray, n: int) -> bytes:
    """The largest gap, then the digits of ``gaps``, the highest ones first."""
    largest = int(gaps.max(initial=0))
    coder = _STREAM.queue.RangeEncoder()
    for level, model in _models(len(gaps), n, largest):
        digits = gaps >> DIGIT * level & (1 << DIGIT) - 1
        coder.encode(digits.astype(np.int32), model)
    return write_varint(largest) + coder.get_compressed().astype("<u4").tobytes()


def read_range(data: bytes, count: int, n: int) -> IntArray:
    """``count`` gaps; :class:`TropnncError` where the data are damaged."""
    largest, start = read_varint(data, 0)
    words = data[start:]
    if largest >= max(n, 1) or len(words) % 4 or count > GAPS_PER_BYTE * (len(words) + 1):
        raise TropnncError("damaged index set: not what the range coder writes")
    coder = _STREAM.queue.RangeDecoder(np.frombuffer(words, dtype="<u4").astype(np.uint32))
    gaps = np.zeros(count, dtype=np.int64)
    try:
        for level, model in _models(count, n, largest):
            gaps |= coder.decode(model, count).astype(np.int64) << DIGIT * level
    except (AssertionError, ValueError) as error:
        raise TropnncError(f"damaged index set: {error}") from error
    if write_range(gaps, n) != data:  # the decoder goes on where the words end
        raise TropnncError("damaged index set: more or fewer data than gaps")
    return gaps


def _models(count: int, n: int, largest: int) -> list[tuple[int, Any]]:
    """Every level of digits and the distribution of its digits, the highest level first."""
    one = 1 << PRECISION
    ratio = max(one - int(LIKELIEST * one), (n - count) * one // max(n, 1))
    models = []
    for level in range(max(1, -(-largest.bit_length() // DIGIT))):
        digits = min(largest >> DIGIT * level, (1 << DIGIT) - 1) + 1
        models.append((level, _geometric(ratio, max(digits, 2))))
        ratio = _powers(ratio, 1 << DIGIT)[-1] * ratio >> PRECISION
    return models[::-1]


def _geometric(ratio: int, size: int) -> Any:
    weights = np.maximum(np.array(_powers(ratio, size), dtype=np.float64), 1.0)
    probabilities = weights / float(1 << PRECISION)
    return _STREAM.model.Categorical(probabilities, perfect=False)


def _powers(ratio: int, size: int) -> list[int]:
    """1, q, q², … in fixed point, ``size`` of them."""
    powers = [1 << PRECISION]
    for _ in range(size - 1):
        powers.append(powers[-1] * ratio >> PRECISION)
    return powers
