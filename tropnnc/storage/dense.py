"""Codecs ``fp32`` (a tensor as it is) and ``fp16``."""

from __future__ import annotations

import numpy as np
import torch

from tropnnc.errors import TropnncError
from tropnnc.storage.cursor import Cursor
from tropnnc.storage.form import Form, Words, from_words, to_words


def encode_raw(words: Words, form: Form) -> bytes:
    """The entries in their own dtype."""
    return words.astype(form.word, copy=False).tobytes()


def decode_raw(data: bytes, form: Form) -> Words:
    """The entries of :func:`encode_raw`."""
    cursor = Cursor(data)
    words = cursor.integers(form.word, form.entries)
    cursor.finish()
    return words


def encode_half(words: Words, form: Form) -> bytes:
    """Numbers of more than 16 bits in float16; others as they are.

    Raises:
        TropnncError: float16 holds some of them only rounded, which is for the caller to do.
    """
    if not _halved(form):
        return encode_raw(words, form)
    half = from_words(words, form).half()
    if not np.array_equal(to_words(half.to(form.torch_dtype)), words):
        what = "is not exactly representable in float16"
        raise TropnncError(f"{what}; rounding it, .half().float(), is the caller's")
    return to_words(half).tobytes()


def decode_half(data: bytes, form: Form) -> Words:
    """The entries of :func:`encode_half`."""
    if not _halved(form):
        return decode_raw(data, form)
    half = Form("float16", form.shape)
    return to_words(from_words(decode_raw(data, half), half).to(form.torch_dtype))


def _halved(form: Form) -> bool:
    return form.torch_dtype in (torch.float32, torch.float64)
