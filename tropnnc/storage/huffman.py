"""Canonical Huffman codes: codebook, numbers of codewords by length, stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from bitarray import bitarray
from bitarray.util import canonical_decode, canonical_huffman

from tropnnc.errors import TropnncError
from tropnnc.storage.cursor import Cursor
from tropnnc.storage.form import Form, Words

WORD = 32
_LONGEST = 31  # bits of a codeword that bitarray decodes
_WIDE = 0x80  # flag: a length has more codewords than 16 bits count


@dataclass(frozen=True, eq=False)
class Coded:
    """Entries in a Huffman code.

    Attributes:
        codebook: distinct values in canonical order, ``[k]``.
        lengths: codewords of 1, 2, … bits.
        stream: codewords one after another.
    """

    codebook: Words
    lengths: Sequence[int]
    stream: bitarray

    def words(self) -> bytes:
        """The stream in words of 32 bits, the last one filled with zeros."""
        return (self.stream + bitarray(-len(self.stream) % WORD, endian="big")).tobytes()

    def head(self) -> bytes:
        """What a decoder needs besides the stream: a byte, the lengths, the codebook."""
        wide = max(self.lengths, default=0) >= 1 << 16
        numbers = np.array(self.lengths, "<u4" if wide else "<u2")
        flag = _WIDE if wide else 0
        return bytes([flag | len(self.lengths)]) + numbers.tobytes() + self.codebook.tobytes()


def code(words: Words) -> Coded:
    """The Huffman code of the empirical frequencies; a single value gets one bit.

    Raises:
        TropnncError: a codeword is longer than 31 bits (some five million entries or more).
    """
    values, places, frequencies = np.unique(words, return_inverse=True, return_counts=True)
    if not len(values):
        return Coded(values, (), bitarray(endian="big"))
    codewords, lengths, order = canonical_huffman(dict(enumerate(frequencies.tolist())))
    if len(lengths) > _LONGEST + 1:
        raise TropnncError(f"a codeword of {len(lengths) - 1} bits; accepted are {_LONGEST}")
    stream = bitarray(endian="big")
    stream.encode(codewords, places.tolist())
    return Coded(values[order], lengths[1:], stream)


def read_head(cursor: Cursor, form: Form) -> tuple[Words, list[int]]:
    """Codebook and lengths of :meth:`Coded.head`."""
    first = cursor.byte()
    numbers = cursor.integers(np.dtype("<u4" if first & _WIDE else "<u2"), first & ~_WIDE)
    lengths = [int(number) for number in numbers]
    return cursor.integers(form.word, sum(lengths)), lengths


def decode(stream: bitarray, codebook: Words, lengths: Sequence[int], count: int) -> Words:
    """The first ``count`` entries, ``[count]``.

    Raises:
        TropnncError: the stream is too short, or no stream of this code.
    """
    if count > len(stream):
        raise TropnncError(f"damaged: {count} codewords in {len(stream)} bits")
    if not count:
        return codebook[:0]
    symbols = canonical_decode(stream, [0, *lengths], range(len(codebook)))
    return codebook[np.fromiter(islice(symbols, count), np.int64, count)]
