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
from tropnnc.storage.codecs import TIED, codec_names
from tropnnc.storage.cursor import Cursor
from tropnnc.storage.entries import Memory, decode_entry, encode_entry
from tropnnc.storage.header import Entry, read_header, write_header

MAGIC, VERSION = b"tropnncS", 1
_SHA, _LENGTH = 32, 4
PREAMBLE = len(MAGIC) + 1 + _SHA + _LENGTH
# What a file may ask for: so many bytes, or so many times its own size, whichever is more.
MODEST, EXPANSION = 1 << 30, 1 << 10


def store(tensors: Mapping[str, Tensor], codec: str) -> bytes:
    """``tensors`` as the bytes of one file that :func:`restore` reads back bit-equal.

    Args:
        tensors: of any shapes, in the dtypes of ``form.DTYPES``.
        codec: one of :func:`codec_names`; it applies to tensors of two and more dimensions and to
            vectors of more than 16 integers, all else is stored raw. What shares its memory with an
            earlier tensor of the same form is stored once.

    Raises:
        TropnncError: unknown codec, or a tensor that it does not take.
    """
    check_choice("codec", codec, codec_names())
    seen: dict[Memory, int] = {}
    shown = _shown(tensors.items(), "store")
    coded = [encode_entry(name, tensor, codec, seen) for name, tensor in shown]
    body = write_header([entry for entry, _ in coded])
    body = len(body).to_bytes(_LENGTH, "little") + body + b"".join(data for _, data in coded)
    _check_size([entry for entry, _ in coded], len(body))
    return MAGIC + bytes([VERSION]) + hashlib.sha256(body).digest() + body


def restore(data: bytes) -> dict[str, Tensor]:
    """The tensors of :func:`store`, in their order; what was tied is.

    Raises:
        TropnncError: damaged, truncated, of another version, or no such file.
    """
    listed, payloads = _open(data)
    _check_size(listed, len(data))
    tensors: dict[str, Tensor] = {}
    untied: list[Tensor] = []
    for entry in _shown(listed, "restore"):
        tensor = decode_entry(entry, payloads.take(entry.length), untied)
        tensors[entry.name] = tensor
        if entry.codec != TIED:
            untied.append(tensor)
    return tensors


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


def _check_size(listed: Iterable[Entry], size: int) -> None:
    asked, most = sum(entry.memory for entry in listed), max(MODEST, EXPANSION * size)
    if asked > most:
        raise TropnncError(f"{asked} bytes of tensors in {size}; accepted are {most}")


def _shown(items: Iterable, what: str) -> Iterable:
    return tqdm(items, desc=what, delay=2, leave=False, disable=None)
