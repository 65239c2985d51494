"""Coders of the values that go with the positions: fp32, bf16 and QSGD (relatives.md C2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tropnnc.errors import TropnncError, check_choice
from tropnnc.seeding import derive_rng

Floats = NDArray[np.float32]
BUCKET = 512
LEVELS = 127


@dataclass(frozen=True)
class _Coder:
    write: Callable[[Floats, int], bytes]
    read: Callable[[bytes, int], Floats]
    size: Callable[[int], int]


def write_bf16(values: Floats, seed: int = 0) -> bytes:
    """The upper half of each float32, rounded to nearest, ties to even."""
    del seed
    words = values.astype("<f4").view("<u4").astype(np.uint64)
    rounded = words + 0x7FFF + (words >> np.uint64(16) & np.uint64(1))
    return (rounded >> np.uint64(16)).astype("<u2").tobytes()


def read_bf16(data: bytes, count: int) -> Floats:
    """[count], from what :func:`write_bf16` has written."""
    del count
    return (np.frombuffer(data, dtype="<u2").astype(np.uint32) << np.uint32(16)).view(np.float32)


def write_qsgd(values: Floats, seed: int) -> bytes:
    """Norms of buckets of 512 as float32, then 127 · value / norm, rounded up or down at random.

    Up is as likely as it is near, so that the decoded values are ``values`` on average.
    """
    norms = _norms(values)
    norm = np.repeat(norms, BUCKET)[: len(values)].astype(np.float64)
    scaled = LEVELS * np.abs(values) / np.where(norm > 0, norm, 1.0)
    draws = derive_rng(seed, "qsgd").random(len(values))
    levels = np.minimum(np.floor(scaled + draws), LEVELS) * np.sign(values)
    return norms.astype("<f4").tobytes() + levels.astype(np.int8).tobytes()


def read_qsgd(data: bytes, count: int) -> Floats:
    """[count], from what :func:`write_qsgd` has written."""
    border = 4 * _buckets(count)
    norms = np.frombuffer(data[:border], dtype="<f4").astype(np.float32)
    levels = np.frombuffer(data[border:], dtype=np.int8)
    shares = (levels / np.float32(LEVELS)).astype(np.float32)
    return (np.repeat(norms, BUCKET)[:count] * shares).astype(np.float32)


_CODERS = {
    "fp32": _Coder(
        lambda values, _: values.astype("<f4").tobytes(),
        lambda data, _: np.frombuffer(data, dtype="<f4").astype(np.float32),
        lambda count: 4 * count,
    ),
    "bf16": _Coder(write_bf16, read_bf16, lambda count: 2 * count),
    "qsgd": _Coder(write_qsgd, read_qsgd, lambda count: 4 * _buckets(count) + count),
}


def value_coder_names() -> tuple[str, ...]:
    """``fp32``, ``bf16``, ``qsgd``."""
    return tuple(_CODERS)


def encode_values(values: Floats, coder: str, seed: int = 0) -> bytes:
    """Finite ``values`` [k] by ``coder``; ``seed`` is that of QSGD's draws."""
    check_choice("value coder", coder, value_coder_names())
    return _CODERS[coder].write(np.asarray(values, dtype=np.float32), seed)


def decode_values(data: bytes, count: int, coder: str) -> Floats:
    """[count], of what :func:`encode_values` has written.

    Raises:
        TropnncError: ``data`` are of another length.
    """
    check_choice("value coder", coder, value_coder_names())
    if len(data) != _CODERS[coder].size(count):
        raise TropnncError(f"damaged values: {len(data)} bytes for {count} of {coder}")
    return _CODERS[coder].read(data, count)


def value_bytes(count: int, coder: str) -> int:
    """How many bytes :func:`encode_values` writes for ``count`` values."""
    return _CODERS[coder].size(count)


def _buckets(count: int) -> int:
    return -(-count // BUCKET)


def _norms(values: Floats) -> Floats:
    """L2 norm of every bucket, [buckets]."""
    padded = np.zeros((_buckets(len(values)), BUCKET))
    padded.ravel()[: len(values)] = values
    return np.sqrt((padded**2).sum(axis=1)).astype(np.float32)
