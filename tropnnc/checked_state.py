"""What a computation goes on from after a kill: a file that carries the sha256 of its content."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import torch

from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic

_SHA256 = hashlib.sha256().digest_size


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write ``state`` (tensors, numbers, texts, lists and dicts of them), whole or not at all."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    blob = buffer.getvalue()
    write_atomic(path, hashlib.sha256(blob).digest() + blob)


def read_state(path: Path) -> dict[str, Any] | None:
    """The state in the file, on the CPU; None where there is no file.

    Raises:
        TropnncError: it is damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    sha256, blob = content[:_SHA256], content[_SHA256:]
    if hashlib.sha256(blob).digest() != sha256:
        raise TropnncError(f"{path}: its content and its sha256 differ")
    return torch.load(io.BytesIO(blob), map_location="cpu", weights_only=True)
