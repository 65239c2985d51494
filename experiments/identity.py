"""A run's identity: the hash of what determines its result."""

from __future__ import annotations

from typing import Any

from tropnnc.hashing import digest, weights_hash

__all__ = ["SCHEMA_VERSION", "digest", "identity_parts", "weights_hash"]

SCHEMA_VERSION = 1


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
