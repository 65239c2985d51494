"""A name with its options, as summaries write it: ``name(key=value,key=value)``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def with_options(name: str, options: Mapping[str, Any]) -> str:
    """``name(key=value,…)``, or ``name`` where there are none."""
    pairs = ",".join(f"{key}={text_of(value)}" for key, value in options.items())
    return f"{name}({pairs})" if pairs else name


def parse_options(text: str) -> tuple[str, dict[str, str]]:
    """Name and options of what :func:`with_options` wrote."""
    name, _, options = text.removesuffix(")").partition("(")
    return name, dict(pair.split("=", 1) for pair in options.split(",") if pair)


def text_of(value: Any) -> str:
    """A value without white space or commas: ``256+128`` of a list."""
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)
