"""One cell of a track: its record is read, or measured and written, by one process at a time."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from experiments.environment import environment
from experiments.identity import digest
from experiments.locks import lock
from experiments.record import Record, read_record, record_path, write_record
from tropnnc.errors import TropnncError


class Labelled(Protocol):
    """Hashable settings of a cell."""

    @property
    def label(self) -> str:
        """The cell in one line."""
        ...


Cell = TypeVar("Cell", bound=Labelled)


@dataclass(frozen=True)
class Result(Generic[Cell]):
    """What became of a cell: its record, or why there is none."""

    cell: Cell
    record: Record | None
    reason: str = ""
    computed: bool = True

    @property
    def failed(self) -> bool:
        """Whether it was tried in vain."""
        return self.record is not None and self.record["status"] == "failed"


def settle(
    cell: Cell,
    parts: Mapping[str, Any],
    measure: Callable[[], Mapping[str, Any]],
    runs: Path,
    wait: bool,
) -> Result[Cell]:
    """The record of ``cell``: from disk, or measured now. A failure is measured again next time.

    Args:
        cell: for the result alone.
        parts: what determines the result; their digest is the identity.
        measure: the body of the record.
        runs: where records of this track are.
        wait: for another process that is at it.

    Raises:
        Busy: another process is at it, and ``wait`` is False.
        TropnncError: input that no rerun would accept.
        OSError: a file cannot be written.
    """
    identity = digest(dict(parts))
    record = read_record(runs, identity)
    if record is not None:
        return Result(cell, record, computed=False)
    with lock(runs, identity, wait):
        record = read_record(runs, identity)
        if record is not None:
            return Result(cell, record, computed=False)
        body = {"identity": identity, **parts, **_attempt(measure), "environment": environment()}
        record = write_record(runs, body)
    path = record_path(runs, identity)
    return Result(cell, record, f"traceback in {path}" if record["status"] == "failed" else "")


def _attempt(measure: Callable[[], Mapping[str, Any]]) -> Record:
    try:
        return {"status": "done", **measure()}
    except (TropnncError, OSError):
        raise
    except Exception:  # a sweep survives whatever one cell does
        return {"status": "failed", "traceback": traceback.format_exc()}
