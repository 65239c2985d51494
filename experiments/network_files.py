"""A network as two files: its weights, and facts that hold their sha256."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from tropnnc.files import write_atomic

Files = tuple[Path, Path]


class DamagedFiles(Exception):
    """Weights and the sha256 in their facts differ."""


def write_network(files: Files, state: dict[str, Tensor], facts: dict[str, Any]) -> None:
    """Write weights, and ``facts`` with their sha256."""
    blob = safetensors.torch.save({name: value.contiguous() for name, value in state.items()})
    facts = {**facts, "sha256": hashlib.sha256(blob).hexdigest()}
    # The facts hold the hash: written last, they make the pair valid.
    for path, content in zip(files, (blob, json.dumps(facts, indent=1).encode()), strict=True):
        write_atomic(path, content)


def read_weights(files: Files) -> dict[str, Tensor] | None:
    """The weights; None where a file is absent.

    Raises:
        DamagedFiles: they do not have the hash in their facts.
    """
    try:
        blob, facts = (path.read_bytes() for path in files)
    except FileNotFoundError:  # one without the other was never finished
        return None
    if _parsed(facts).get("sha256") != hashlib.sha256(blob).hexdigest():
        raise DamagedFiles(f"{files[0]}: weights and the sha256 in their facts differ")
    return safetensors.torch.load(blob)


def read_facts(path: Path) -> dict[str, Any]:
    """The facts; empty where they are absent or torn."""
    try:
        return _parsed(path.read_bytes())
    except FileNotFoundError:
        return {}


def in_float16(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """``state`` with its weights rounded; biases and batch norms are small, and stay."""
    return {name: value.half() if value.ndim > 1 else value for name, value in state.items()}


def _parsed(facts: bytes) -> dict[str, Any]:
    try:
        content = json.loads(facts)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}
