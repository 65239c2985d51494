"""A run's identity: the hash of what determines its result."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from torch import Tensor, float32

SCHEMA_VERSION = 1


def digest(value: Any) -> str:
    """Sha256 of the canonical JSON of ``value``: sorted keys, no white space, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def weights_hash(state: dict[str, Tensor]) -> str:
    """Sha256 of named tensors (names, shapes, float32 bytes), whatever file they came in."""
    sha = hashlib.sha256()
    for name in sorted(state):
        if name.endswith("num_batches_tracked"):
            continue
        tensor = state[name].detach().cpu().to(float32).contiguous()
        sha.update(f"{name}{tuple(tensor.shape)}".encode())
        sha.update(tensor.numpy().tobytes())
    return sha.hexdigest()


def identity_parts(
    config: dict[str, Any], checkpoint: str, data: str, versions: dict[str, int]
) -> dict[str, Any]:
    """Everything that determines a cell's result; its :func:`digest` is the identity.

    Args:
        config: resolved configuration less paths, device and launcher.
        checkpoint: :func:`weights_hash` of the dense network.
        data: fingerprint of the data set.
        versions: hand-bumped versions of method, allocator and library.
    """
    return {
        "config": config,
        "schema": SCHEMA_VERSION,
        "checkpoint": checkpoint,
        "data": data,
        "versions": versions,
    }
