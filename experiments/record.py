"""One record per cell: JSON, written once and whole."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from tropnnc.files import write_atomic

Status = Literal["done", "failed", "skipped"]
Record = dict[str, Any]


def record_path(runs_dir: Path, identity: str) -> Path:
    """Where the record of ``identity`` lives."""
    return runs_dir / "cells" / f"{identity}.json"


def read_record(runs_dir: Path, identity: str) -> Record | None:
    """The settled record of ``identity``; None where it is absent, unreadable or a failure."""
    try:
        record = json.loads(record_path(runs_dir, identity).read_text())
    except (OSError, ValueError):
        return None
    settled = isinstance(record, dict) and record.get("status") in ("done", "skipped")
    return record if settled and record.get("identity") == identity else None


def write_record(runs_dir: Path, record: Record) -> None:
    """Write ``record`` under its identity, atomically."""
    path = record_path(runs_dir, record["identity"])
    write_atomic(path, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())
