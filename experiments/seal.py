"""A checksum that a JSON object carries of its own content. Imports no torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_KEY = "checksum"


def seal(content: Mapping[str, Any]) -> dict[str, Any]:
    """``content`` and its checksum: sha256 of the canonical JSON without it."""
    return {**content, _KEY: _checksum(content)}


def is_sealed(content: Mapping[str, Any]) -> bool:
    """Whether ``content`` carries the checksum of the rest of it."""
    return content.get(_KEY) == _checksum(content)


def _checksum(content: Mapping[str, Any]) -> str:
    rest = {key: value for key, value in content.items() if key != _KEY}
    text = json.dumps(rest, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
