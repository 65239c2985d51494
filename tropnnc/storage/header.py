"""The header of a file of stored weights: which tensors it holds, and how."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

from tropnnc.errors import TropnncError
from tropnnc.storage.codecs import CODECS, TIED
from tropnnc.storage.form import DTYPES, Form

_MOST = 1 << 24  # bytes of JSON: some hundred thousand tensors
_LARGEST = 1 << 63  # of a length, a dimension and a product of dimensions
_DIMENSIONS = 64  # more than torch takes


@dataclass(frozen=True)
class Entry:
    """One tensor of a file: ``length`` bytes in ``codec`` hold what ``form`` says."""

    name: str
    form: Form
    codec: str
    length: int

    @property
    def memory(self) -> int:
        """Bytes that it takes when read."""
        return 0 if self.codec == TIED else self.form.dense_bytes


def write_header(listed: Iterable[Entry]) -> bytes:
    """Compressed JSON.

    Raises:
        TropnncError: more tensors than :func:`read_header` would read.
    """
    rows = [[e.name, e.form.dtype, e.form.shape, e.codec, e.length] for e in listed]
    text = json.dumps(rows, separators=(",", ":")).encode()
    if len(text) > _MOST:
        raise TropnncError(f"a header of {len(text)} bytes; accepted are {_MOST}")
    return zlib.compress(text, 9)


def read_header(data: bytes) -> tuple[Entry, ...]:
    """What :func:`write_header` wrote.

    Raises:
        TropnncError: it is something else.
    """
    try:
        inflating = zlib.decompressobj()
        text = inflating.decompress(data, _MOST)
        if not inflating.eof:
            raise TropnncError("no end")
        listed = tuple(_entry(*row) for row in json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError, zlib.error) as error:
        raise TropnncError("damaged: its header lists no tensors") from error
    if len({entry.name for entry in listed}) != len(listed):
        raise TropnncError("damaged: its header lists a tensor twice")
    return listed


def _entry(name: Any, dtype: Any, shape: Any, codec: Any, length: Any) -> Entry:
    numbers = all(type(number) is int and 0 <= number < _LARGEST for number in (*shape, length))
    known = isinstance(name, str) and dtype in DTYPES and codec in (*CODECS, TIED)
    if not (known and numbers and len(shape) <= _DIMENSIONS and prod(shape) < _LARGEST):
        raise TropnncError("no tensor")
    return Entry(name, Form(dtype, tuple(shape)), codec, length)
