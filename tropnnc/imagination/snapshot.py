"""The making of images on disk: killed, it goes on to the same bytes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from tropnnc.checked_state import read_state, write_state
from tropnnc.errors import TropnncError

SECONDS = 30.0  # between two writes: at 224 × 224 a state is large


class Snapshot:
    """The last state that was written, in one file.

    A file that is damaged, or belongs to other images or to another torch, is written over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = 0.0
        self._started = self._written = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Time that the making has taken so far; what a kill destroyed does not count."""
        return self._before + time.perf_counter() - self._started

    def restore(self, identity: str) -> dict[str, Any] | None:
        """The state of the images of this ``identity``; None where there is none."""
        try:
            content = read_state(self._path)
        except TropnncError:
            return None
        if content is None or content["of"] != _owner(identity):
            return None
        self._before = content["seconds"]
        return content["state"]

    def is_due(self) -> bool:
        """Whether the last write was long ago."""
        return time.perf_counter() - self._written >= SECONDS

    def save(self, identity: str, state: dict[str, Any]) -> None:
        """Write ``state``, whole or not at all."""
        content = {"of": _owner(identity), "seconds": self.seconds, "state": state}
        write_state(self._path, content)
        self._written = time.perf_counter()

    def discard(self) -> None:
        """Remove the file: the images are stored."""
        self._path.unlink(missing_ok=True)


def _owner(identity: str) -> dict[str, str]:
    return {"identity": identity, "torch": str(torch.__version__)}
