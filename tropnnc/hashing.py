"""Hashes that name things by what they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor, float32


def digest(value: Any) -> str:
    """Sha256 of the canonical JSON of ``value``: sorted keys, no white space, no NaN."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def weights_hash(state: Mapping[str, Tensor]) -> str:
    """Sha256 of named tensors (names, shapes, float32 bytes), whatever file they came in."""
    sha = hashlib.sha256()
    for name in sorted(state):
        if name.endswith("num_batches_tracked"):
            continue
        tensor = state[name].detach().cpu().to(float32).contiguous()
        sha.update(f"{name}{tuple(tensor.shape)}".encode())
        sha.update(tensor.numpy().tobytes())
    return sha.hexdigest()
