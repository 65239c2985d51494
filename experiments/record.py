"""One record per cell: JSON with a checksum of its own content, written once and whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from experiments.damage import set_aside
from experiments.seal import is_sealed, seal
from tropnnc.files import write_atomic

Status = Literal["done", "failed", "skipped"]
Record = dict[str, Any]


def record_path(runs_dir: Path, identity: str) -> Path:
    """Where the record of ``identity`` lives."""
    return runs_dir / "cells" / f"{identity}.json"


def read_record(runs_dir: Path, identity: str) -> Record | None:
    """The settled record of ``identity``; None where it is absent, damaged or a failure."""
    record = read_attempt(runs_dir, identity)
    return None if record is None or record["status"] == "failed" else record


def read_attempt(runs_dir: Path, identity: str) -> Record | None:
    """The record of ``identity``, whatever its status; a damaged one is set aside."""
    path = record_path(runs_dir, identity)
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        record = None
    damage = _damage(record, identity)
    if damage is None:
        return record
    set_aside(path, runs_dir / "damaged", damage)
    return None


def read_records(runs_dir: Path) -> Iterator[Record]:
    """Every record in ``runs_dir``, whatever its status."""
    for path in sorted(record_path(runs_dir, "").parent.glob("*.json")):
        record = read_attempt(runs_dir, path.stem)
        if record is not None:
            yield record


def write_record(runs_dir: Path, record: Record) -> Record:
    """Write ``record`` under its identity, atomically; returns it with its checksum."""
    sealed = seal(record)
    path = record_path(runs_dir, record["identity"])
    write_atomic(path, (json.dumps(sealed, indent=1, ensure_ascii=False) + "\n").encode())
    return sealed


def _damage(record: Any, identity: str) -> str | None:
    if not isinstance(record, dict):
        return "not a JSON object: truncated?"
    if not is_sealed(record):
        return "its checksum differs: edited?"
    return None if record["identity"] == identity else "the record of another cell"
