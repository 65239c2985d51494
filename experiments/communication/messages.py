"""A gradient tensor as bytes: its largest entries, where they are and what they are.

After DeepReduce (Xu et al., NeurIPS 2021; relatives.md C2). Tensors of at most 1,000 entries are
sent as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from experiments.communication.settings import BLOOM, Communication
from tropnnc.indexcodec import decode, encode, smallest
from tropnnc.indexcodec.bloom import BloomFilter
from tropnnc.indexcodec.policies import positions
from tropnnc.indexcodec.values import Floats, decode_values, encode_values, value_bytes
from tropnnc.indexcodec.varints import read_varint, write_varint
from tropnnc.unit import IntArray

SMALL = 1_000
FALSE_POSITIVES = 0.1  # of the share of entries that are kept: the default of DeepReduce's code


@dataclass(frozen=True)
class Message:
    """A coder of tensors.

    Attributes:
        index: codec of the positions, or ``bloom_POLICY``.
        keep: share of the entries that are sent, in (0, 1].
        values: coder of the values.
    """

    index: str
    keep: float
    values: str

    @classmethod
    def of(cls, settings: Communication) -> Message:
        """The coder that ``settings`` with a codec ``topk_X`` describe."""
        return cls(settings.index, cast("float", settings.keep), cast("str", settings.values))

    def write(self, gradient: Floats, shared: int, own: int) -> bytes:
        """The entries of ``gradient`` [d] that are sent.

        Args:
            gradient: finite.
            shared: seed of the draws that the receiver repeats.
            own: seed of those that he does not (stochastic rounding).
        """
        if len(gradient) <= SMALL:
            return encode_values(gradient, "fp32")
        chosen = largest(gradient, kept_of(len(gradient), self.keep))
        support, sent = self._write_support(chosen, len(gradient), shared)
        return (
            write_varint(len(support)) + support + encode_values(gradient[sent], self.values, own)
        )

    def read(self, data: bytes, start: int, size: int, shared: int) -> tuple[Floats, int]:
        """The tensor [size] that begins at ``start``, 0 where nothing was sent, and its end.

        Raises:
            TropnncError: the data are damaged.
        """
        if size <= SMALL:
            end = start + 4 * size
            return decode_values(data[start:end], size, "fp32"), end
        length, start = read_varint(data, start)
        sent = self._read_support(data[start : start + length], size, shared)
        start += length
        end = start + value_bytes(len(sent), self.values)
        gradient = np.zeros(size, dtype=np.float32)
        gradient[sent] = decode_values(data[start:end], len(sent), self.values)
        return gradient, end

    def _write_support(self, chosen: IntArray, n: int, seed: int) -> tuple[bytes, IntArray]:
        """The positions as bytes, and those that values are sent for."""
        if not self.index.startswith(BLOOM):
            coded = smallest(chosen, n) if self.index == "smallest" else None
            return coded or encode(chosen, n, self.index), chosen
        bloom = BloomFilter.of(chosen, FALSE_POSITIVES * len(chosen) / n)
        data = write_varint(len(chosen)) + bloom.to_bytes()
        return data, self._members(bloom, n, len(chosen), seed)

    def _read_support(self, data: bytes, n: int, seed: int) -> IntArray:
        if not self.index.startswith(BLOOM):
            return decode(data)[0]
        count, start = read_varint(data, 0)
        return self._members(BloomFilter.from_bytes(data[start:]), n, count, seed)

    def _members(self, bloom: BloomFilter, n: int, count: int, seed: int) -> IntArray:
        return positions(bloom, n, count, self.index.removeprefix(BLOOM), seed)


def kept_of(size: int, keep: float) -> int:
    """How many of ``size`` entries are sent: ``keep`` of them, halves rounded up, at least one."""
    return max(1, int(keep * size + 0.5))


def largest(values: Floats, count: int) -> IntArray:
    """The positions of the ``count`` entries of largest magnitude, ascending."""
    if count >= len(values):
        return np.arange(len(values))
    return np.sort(np.argpartition(-np.abs(values), count)[:count]).astype(np.int64)
