"""Codecs ``csc``, ``sham`` and ``sham_tight``: rows and column starts beside the nonzeros.

Marinò et al., ICPR 2020 (relatives.md, A1): indices are not entropy coded.
"""

from __future__ import annotations

import numpy as np

from tropnnc.storage import huffman
from tropnnc.storage.columns import Columns, columns_of
from tropnnc.storage.cursor import Cursor
from tropnnc.storage.form import Form, Words
from tropnnc.storage.packing import bits_for, pack, padded_bits, unpack


def encode_csc(words: Words, form: Form) -> bytes:
    """Column starts and rows in 1, 2 or 4 bytes each, values as they are."""
    columns = columns_of(words, form)
    return _encode_indices(columns, form) + columns.values.tobytes()


def decode_csc(data: bytes, form: Form) -> Words:
    """The entries of :func:`encode_csc`."""
    cursor = Cursor(data)
    starts, rows = _decode_indices(cursor, form)
    values = cursor.integers(form.word, len(rows))
    cursor.finish()
    return Columns(values, rows, starts).dense(form)


def encode_sham(words: Words, form: Form) -> bytes:
    """As ``csc``, with the nonzero values in a Huffman code, cut into words of 32 bits."""
    columns = columns_of(words, form)
    coded = huffman.code(columns.values)
    return _encode_indices(columns, form) + coded.head() + coded.words()


def decode_sham(data: bytes, form: Form) -> Words:
    """The entries of :func:`encode_sham`."""
    cursor = Cursor(data)
    starts, rows = _decode_indices(cursor, form)
    codebook, lengths = huffman.read_head(cursor, form)
    values = huffman.decode(cursor.bits(), codebook, lengths, len(rows))
    return Columns(values, rows, starts).dense(form)


def encode_tight(words: Words, form: Form) -> bytes:
    """As ``sham``, with indices of ⌈log2 ·⌉ bits and one stream of bits for everything."""
    columns = columns_of(words, form)
    coded = huffman.code(columns.values)
    width = bits_for(len(columns.rows) + 1)
    bits = pack(columns.starts, width) + pack(columns.rows, bits_for(form.rows)) + coded.stream
    return coded.head() + bytes([width]) + bits.tobytes()


def decode_tight(data: bytes, form: Form) -> Words:
    """The entries of :func:`encode_tight`."""
    cursor = Cursor(data)
    codebook, lengths = huffman.read_head(cursor, form)
    width, bits = cursor.byte(), cursor.bits()
    starts = unpack(bits, width, form.columns + 1)
    count, row_bits = int(starts[-1]), bits_for(form.rows)
    bits = bits[width * (form.columns + 1) :]
    rows = unpack(bits, row_bits, count)
    values = huffman.decode(bits[row_bits * count :], codebook, lengths, count)
    return Columns(values, rows, starts).dense(form)


def _encode_indices(columns: Columns, form: Form) -> bytes:
    """A byte with the size of a column start, the starts, the rows."""
    size = padded_bits(len(columns.rows)) // 8
    rows = columns.rows.astype(_row_dtype(form))
    return bytes([size]) + columns.starts.astype(f"<u{size}").tobytes() + rows.tobytes()


def _decode_indices(
    cursor: Cursor, form: Form
) -> tuple[np.ndarray[tuple[int], np.dtype[np.integer]], ...]:
    starts = cursor.integers(np.dtype(f"<u{cursor.byte()}"), form.columns + 1)
    return starts, cursor.integers(_row_dtype(form), int(starts[-1]))


def _row_dtype(form: Form) -> np.dtype[np.unsignedinteger]:
    return np.dtype(f"<u{padded_bits(form.rows) // 8}")
