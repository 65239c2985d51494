"""A state dict as one file: magic, version, sha256, compressed header, one payload per tensor.

========  =====  ==================================================================
offset    bytes
========  =====  ==================================================================
0         8      ``tropnncS``
8         1      version
9         32     sha256 of all that follows
41        4      h, length of the header, least byte first
45        h      zlib of JSON ``[[name, dtype, shape, codec, length], …]``
45 + h           payloads in this order, each of its length
========  =====  ==================================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from torch import Tensor
from tqdm import tqdm

from tropnnc.errors import TropnncError, check_choice
from tropnnc.storage.codecs import CODECS, codec_names, encode_tensor
from tropnnc.storage.cursor import Cursor
from tropnnc.storage.form import form_of, from_words, to_words
from tropnnc.storage.header import Entry, read_header, write_header

MAGIC, VERSION = b"tropnncS", 1
_SHA, _LENGTH = 32, 4
PREAMBLE = len(MAGIC) + 1 + _SHA + _LENGTH
# What a file may ask for: so many bytes, or so many times its own size, whichever is more.
MODEST, EXPANSION = 1 << 30, 1 << 10
# Whatever a decoder may raise on bytes that no encoder wrote.
_UNDECODABLE = (
    ValueError, IndexError, TypeError, AssertionError, OverflowError, MemoryError, RuntimeError,
)  # fmt: skip


def store(tensors: Mapping[str, Tensor], codec: str) -> bytes:
    """``tensors`` as the bytes of one file that :func:`restore` reads back bit-equal.

    Args:
        tensors: of any shapes, in the dtypes of ``form.DTYPES``.
        codec: one of :func:`codec_names`; it applies to tensors of two and more dimensions and to
            vectors of more than 16 integers, all else is stored raw.

    Raises:
        TropnncError: unknown codec, or a tensor that it does not take.
    """
    check_choice("codec", codec, codec_names())
    coded = [_encode(name, tensor, codec) for name, tensor in _shown(tensors.items(), "store")]
    body = write_header([entry for entry, _ in coded])
    body = len(body).to_bytes(_LENGTH, "little") + body + b"".join(data for _, data in coded)
    _check_size([entry for entry, _ in coded], len(body))
    return MAGIC + bytes([VERSION]) + hashlib.sha256(body).digest() + body


def restore(data: bytes) -> dict[str, Tensor]:
    """The tensors of :func:`store`, in their order.

    Raises:
        TropnncError: damaged, truncated, of another version, or no such file.
    """
    listed, payloads = _open(data)
    _check_size(listed, len(data))
    return {entry.name: _decode(entry, payloads) for entry in _shown(listed, "restore")}


def entries(data: bytes) -> tuple[Entry, ...]:
    """What a file of :func:`store` holds, tensor by tensor, without decoding it.

    Raises:
        TropnncError: as :func:`restore`.
    """
    return _open(data)[0]


def _open(data: bytes) -> tuple[tuple[Entry, ...], Cursor]:
    """What the header lists, and a cursor at the first payload."""
    if not data.startswith(MAGIC):
        raise TropnncError("not a file of tropnnc store")
    cursor = Cursor(data[len(MAGIC) :])
    version = cursor.byte()
    if version != VERSION:
        raise TropnncError(f"format {version} of stored weights, accepted is {VERSION}")
    sha = cursor.take(_SHA)
    if sha != hashlib.sha256(data[PREAMBLE - _LENGTH :]).digest():
        raise TropnncError("damaged or truncated (its bytes and their sha256 differ)")
    header = cursor.take(int.from_bytes(cursor.take(_LENGTH), "little"))
    listed = read_header(header)
    left = len(data) - PREAMBLE - len(header)
    if sum(entry.length for entry in listed) != left:
        raise TropnncError(f"damaged: {left} bytes of tensors are not what its header lists")
    return listed, cursor


def _encode(name: str, tensor: Tensor, codec: str) -> tuple[Entry, bytes]:
    try:
        form = form_of(tensor)
        used, data = encode_tensor(to_words(tensor), form, codec)
    except TropnncError as error:
        raise TropnncError(f"{name}: {error}") from error
    return Entry(name, form, used, len(data)), data


def _decode(entry: Entry, payloads: Cursor) -> Tensor:
    try:
        words = CODECS[entry.codec].decode(payloads.take(entry.length), entry.form)
        return from_words(words, entry.form)
    except _UNDECODABLE as error:
        said = str(error).strip().partition("\n")[0]
        raise TropnncError(f"{entry.name}: not readable as {entry.codec}: {said}") from error


def _check_size(listed: Iterable[Entry], size: int) -> None:
    asked, most = sum(entry.form.dense_bytes for entry in listed), max(MODEST, EXPANSION * size)
    if asked > most:
        raise TropnncError(f"{asked} bytes of tensors in {size}; accepted are {most}")


def _shown(items: Iterable, what: str) -> Iterable:
    return tqdm(items, desc=what, delay=2, leave=False, disable=None)
