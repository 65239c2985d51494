"""The codecs by name; ``best`` takes the smallest for each tensor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.storage.codebooks import (
    decode_ham,
    decode_map,
    decode_range,
    encode_ham,
    encode_map,
    encode_range,
)  # fmt: skip
from tropnnc.storage.dense import decode_half, decode_raw, encode_half, encode_raw
from tropnnc.storage.form import Form, Words
from tropnnc.storage.masked import decode_sparse, encode_sparse
from tropnnc.storage.sizes import entropy_bits
from tropnnc.storage.sparse_columns import (
    decode_csc,
    decode_sham,
    decode_tight,
    encode_csc,
    encode_sham,
    encode_tight,
)  # fmt: skip


@dataclass(frozen=True)
class Codec:
    """Bit patterns of one tensor to bytes and back, bit-equal."""

    encode: Callable[[Words, Form], bytes]
    decode: Callable[[bytes, Form], Words]


# A tied tensor is stored once; the others of its kind name the place of the first.
RAW, BEST, TIED = "fp32", "best", "tied"
_PLAIN = {
    RAW: Codec(encode_raw, decode_raw),
    "fp16": Codec(encode_half, decode_half),
    "csc": Codec(encode_csc, decode_csc),
    "sparse": Codec(encode_sparse, decode_sparse),
}
_CODEBOOK = {
    "index_map": Codec(encode_map, decode_map),
    "ham": Codec(encode_ham, decode_ham),
    "sham": Codec(encode_sham, decode_sham),
    "sham_tight": Codec(encode_tight, decode_tight),
    "range": Codec(encode_range, decode_range),
}
CODECS = {**_PLAIN, **_CODEBOOK}


def codec_names() -> tuple[str, ...]:
    """What ``store`` takes."""
    return (*CODECS, BEST)


def encode_tensor(words: Words, form: Form, codec: str) -> tuple[str, bytes]:
    """The codec that was used, and its bytes.

    Biases, batch norm and the like are raw under every codec, as in the papers' comparisons.

    Raises:
        TropnncError: the codec does not take this tensor.
    """
    if not form.coded:
        codec = RAW
    return _smallest(words, form) if codec == BEST else (codec, CODECS[codec].encode(words, form))


def _smallest(words: Words, form: Form) -> tuple[str, bytes]:
    coded = _encoded(_PLAIN, words, form)
    if _codebook_floor(words) < min(map(len, coded.values())):
        coded |= _encoded(_CODEBOOK, words, form)
    name = min(coded, key=lambda name: len(coded[name]))
    return name, coded[name]


def _encoded(codecs: dict[str, Codec], words: Words, form: Form) -> dict[str, bytes]:
    """By each of ``codecs`` that takes the tensor."""
    coded = {}
    for name, codec in codecs.items():
        try:
            coded[name] = codec.encode(words, form)
        except TropnncError:  # not exactly a float16, or too many values
            continue
    return coded


def _codebook_floor(words: Words) -> float:
    """Bytes that no codec with a codebook stays below: the nonzero values and their entropy."""
    values, frequencies = np.unique(words[words != 0], return_counts=True)
    return values.nbytes + entropy_bits(frequencies) / 8
