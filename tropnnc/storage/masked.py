"""Codec ``sparse``: where the nonzeros are by the smallest index codec, and the nonzeros raw."""

from __future__ import annotations

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.indexcodec import decode, smallest
from tropnnc.storage.cursor import Cursor
from tropnnc.storage.form import Form, Words

_LENGTH = np.dtype("<u4")


def encode_sparse(words: Words, form: Form) -> bytes:
    """Length of the coded places, the places, values that are not zero as they are."""
    places = np.flatnonzero(words)
    coded = smallest(places, form.entries)
    return np.array(len(coded), _LENGTH).tobytes() + coded + words[places].tobytes()


def decode_sparse(data: bytes, form: Form) -> Words:
    """The entries of :func:`encode_sparse`.

    Raises:
        TropnncError: places among another number of entries.
    """
    cursor = Cursor(data)
    places, among = decode(cursor.take(int(cursor.integers(_LENGTH, 1)[0])))
    values = cursor.integers(form.word, len(places))
    cursor.finish()
    if among != form.entries:
        raise TropnncError(f"damaged: places among {among} entries, not {form.entries}")
    words = np.zeros(form.entries, form.word)
    words[places] = values
    return words
