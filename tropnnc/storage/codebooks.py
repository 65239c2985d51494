"""Codecs ``ham``, ``index_map`` and ``range``: a codebook, and a symbol for every entry."""

from __future__ import annotations

from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from tropnnc.errors import TropnncError
from tropnnc.indexcodec.varints import write_varint
from tropnnc.storage import huffman
from tropnnc.storage.cursor import Cursor
from tropnnc.storage.form import Form, Words
from tropnnc.storage.packing import bits_for, pack, unpack

_STREAM: Any = constriction.stream  # pyright: ignore[reportAttributeAccessIssue]  (has no stubs)
_COUNT = np.dtype("<u4")
MOST_SYMBOLS = 1 << 23  # the coder's probabilities are multiples of 2^−24


def encode_ham(words: Words, form: Form) -> bytes:
    """Huffman code of all entries, zero included, column by column, in words of 32 bits."""
    coded = huffman.code(words)
    return coded.head() + coded.words()


def decode_ham(data: bytes, form: Form) -> Words:
    """The entries of :func:`encode_ham`."""
    cursor = Cursor(data)
    codebook, lengths = huffman.read_head(cursor, form)
    return huffman.decode(cursor.bits(), codebook, lengths, form.entries)


def encode_map(words: Words, form: Form) -> bytes:
    """⌈log2 k⌉ bits an entry: its place in the codebook of k values."""
    values, places = np.unique(words, return_inverse=True)
    head = np.array(len(values), _COUNT).tobytes() + values.tobytes()
    return head + pack(places, bits_for(len(values))).tobytes()


def decode_map(data: bytes, form: Form) -> Words:
    """The entries of :func:`encode_map`."""
    cursor = Cursor(data)
    codebook = _codebook(cursor, form)
    return codebook[unpack(cursor.bits(), bits_for(len(codebook)), form.entries)]


def encode_range(words: Words, form: Form) -> bytes:
    """Range coder of the exact frequencies, which are stored.

    Raises:
        TropnncError: more distinct values than the coder tells apart.
    """
    values, places, frequencies = np.unique(words, return_inverse=True, return_counts=True)
    if len(values) > MOST_SYMBOLS:
        raise TropnncError(f"{len(values)} distinct values; accepted are {MOST_SYMBOLS}")
    head = np.array(len(values), _COUNT).tobytes() + values.tobytes()
    head += b"".join(map(write_varint, frequencies.tolist()))
    if len(values) == 1:
        return head
    encoder = _STREAM.queue.RangeEncoder()
    encoder.encode(places.astype(np.int32), _model(frequencies))
    return head + encoder.get_compressed().astype(_COUNT).tobytes()


def decode_range(data: bytes, form: Form) -> Words:
    """The entries of :func:`encode_range`.

    Raises:
        TropnncError: frequencies that are not of so many entries.
    """
    cursor = Cursor(data)
    codebook = _codebook(cursor, form)
    frequencies = [cursor.varint() for _ in range(len(codebook))]
    if sum(frequencies) != form.entries or min(frequencies) < 1:
        raise TropnncError(f"damaged: frequencies of other than {form.entries} entries")
    if len(codebook) == 1:
        return np.repeat(codebook, form.entries)
    coded = np.frombuffer(cursor.rest(), _COUNT).astype(np.uint32)
    decoder = _STREAM.queue.RangeDecoder(coded)
    return codebook[decoder.decode(_model(np.array(frequencies)), form.entries)]


def _codebook(cursor: Cursor, form: Form) -> Words:
    """The number of values, which is not 0, and the values."""
    count = int(cursor.integers(_COUNT, 1)[0])
    if not count:
        raise TropnncError("damaged: entries without a codebook")
    return cursor.integers(form.word, count)


def _model(frequencies: NDArray[np.integer]) -> Any:
    return _STREAM.model.Categorical(frequencies.astype(np.float64), perfect=False)
