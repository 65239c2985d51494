"""Bits that codecs take, by formula (relatives.md, A1, "our definition").

``frequencies`` are how often each distinct value occurs, ``[k]``; ``word`` is the bits of a value.

A payload takes more than its formula by what says how wide the next numbers are: ``csc`` 1 byte,
``ham`` 1, ``sham`` and ``sham_tight`` 2, ``index_map`` 4 (its k). The bits of ``sham_tight`` and
``index_map`` are filled to whole bytes. Where more than 65,535 codewords have one length, a Huffman
head has 32 instead of 16 bits a length.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bitarray.util import canonical_huffman
from numpy.typing import NDArray

from tropnnc.storage.packing import bits_for, padded_bits

Frequencies = Sequence[int] | NDArray[np.integer]
WORD = 32


def code_lengths(frequencies: Frequencies) -> list[int]:
    """How many codewords of 1, 2, … bits the canonical Huffman code has."""
    counts = np.asarray(frequencies).tolist()
    return canonical_huffman(dict(enumerate(counts)))[1][1:] if counts else []


def stream_bits(frequencies: Frequencies) -> int:
    """Σ f_i l_i: the codewords of all entries, the more frequent the shorter."""
    return _stream_bits(frequencies, code_lengths(frequencies))


def entropy_bits(frequencies: Frequencies) -> float:
    """N·H: no code of single entries takes less."""
    counts = np.asarray(frequencies, dtype=np.float64)
    return float(counts @ np.log2(counts.sum() / counts)) if counts.size else 0.0


def ham_bits(frequencies: Frequencies, word: int = WORD) -> int:
    """Huffman over all entries, zero included: stream in words of 32 bits, and what decodes it."""
    lengths = code_lengths(frequencies)
    words = -(-_stream_bits(frequencies, lengths) // WORD)
    return words * WORD + _head_bits(lengths, word)


def csc_bits(nonzeros: int, rows: int, columns: int, word: int = WORD) -> int:
    """Values, row indices and column starts, the latter two in 8, 16 or 32 bits."""
    return nonzeros * word + _index_bits(nonzeros, rows, columns)


def sham_bits(frequencies: Frequencies, rows: int, columns: int, word: int = WORD) -> int:
    """Huffman over the nonzeros; ``frequencies`` are theirs, zero excluded."""
    nonzeros = int(np.sum(frequencies, dtype=np.int64))
    return ham_bits(frequencies, word) + _index_bits(nonzeros, rows, columns)


def sham_tight_bits(frequencies: Frequencies, rows: int, columns: int, word: int = WORD) -> int:
    """As :func:`sham_bits` with ⌈log2 rows⌉ and ⌈log2(q + 1)⌉ bits an index, nothing padded."""
    nonzeros = int(np.sum(frequencies, dtype=np.int64))
    indices = nonzeros * bits_for(rows) + (columns + 1) * bits_for(nonzeros + 1)
    lengths = code_lengths(frequencies)
    return _stream_bits(frequencies, lengths) + _head_bits(lengths, word) + indices


def index_map_bits(entries: int, distinct: int, word: int = WORD) -> int:
    """⌈log2 k⌉ bits an entry, and the codebook."""
    return entries * bits_for(distinct) + distinct * word


def _stream_bits(frequencies: Frequencies, lengths: Sequence[int]) -> int:
    each = np.repeat(np.arange(1, len(lengths) + 1), np.array(lengths, dtype=np.int64))
    return int(each @ np.sort(np.asarray(frequencies, dtype=np.int64))[::-1])


def _head_bits(lengths: Sequence[int], word: int) -> int:
    return sum(lengths) * word + 16 * len(lengths)


def _index_bits(nonzeros: int, rows: int, columns: int) -> int:
    return nonzeros * padded_bits(rows) + (columns + 1) * padded_bits(nonzeros)
