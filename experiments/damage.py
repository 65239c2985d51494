"""Damaged files: named, set aside, never deleted."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from pathlib import Path

from experiments.console import say


def set_aside(path: Path, folder: Path, reason: str) -> None:
    """Move ``path`` into ``folder`` as ``name.1`` (or ``.2``, …) and say so in one line."""
    folder.mkdir(parents=True, exist_ok=True)
    names = (folder / f"{path.name}.{number}" for number in count(1))
    free = next(name for name in names if not name.exists())
    with suppress(FileNotFoundError):  # another process was faster
        path.rename(free)
        say(f"{path}: damaged ({reason}); set aside as {free}")
