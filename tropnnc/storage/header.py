"""The header of a file of stored weights: which tensors it holds, and how."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tropnnc.errors import TropnncError
from tropnnc.storage.codecs import CODECS, TIED
from tropnnc.storage.form import DTYPES, Form

_MOST = 1 << 24  # bytes of JSON: some hundred thousand tensors


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
    """Compressed JSON."""
    rows = [[e.name, e.form.dtype, e.form.shape, e.codec, e.length] for e in listed]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 9)


def read_header(data: bytes) -> tuple[Entry, ...]:
    """What :func:`write_header` wrote.

    Raises:
        TropnncError: it is something else.
    """
    try:
        inflating = zlib.decompressobj()
        text = inflating.decompress(data, _MOST)
        if not inflating.eof:
            raise TropnncError("damaged: a header without an end")
        listed = tuple(_entry(*row) for row in json.loads(text))
    except (ValueError, TypeError, KeyError, RecursionError, zlib.error) as error:
        raise TropnncError("damaged: its header lists no tensors") from error
    if len({entry.name for entry in listed}) != len(listed):
        raise TropnncError("damaged: its header lists a tensor twice")
    return listed


def _entry(name: Any, dtype: Any, shape: Any, codec: Any, length: Any) -> Entry:
    numbers = all(type(number) is int and number >= 0 for number in (*shape, length))
    if not (isinstance(name, str) and dtype in DTYPES and codec in (*CODECS, TIED) and numbers):
        raise TropnncError("no tensor")
    return Entry(name, Form(dtype, tuple(shape)), codec, length)
