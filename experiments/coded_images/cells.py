"""One cell of the data track: its record is read, or measured and written."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines.coin import COIN_VERSION
from experiments.coded_images.classifiers import missing, provenance
from experiments.coded_images.measure import measure_cell
from experiments.coded_images.settings import CodedCell
from experiments.data import Dataset, load_dataset
from experiments.environment import environment
from experiments.identity import SCHEMA_VERSION, digest
from experiments.locks import lock
from experiments.record import Record, read_record, write_record
from experiments.settings import Machine
from tropnnc.errors import TropnncError

# Bumped by hand whenever the same cell gives another result.
EXPERIMENT_VERSION = 1


@dataclass(frozen=True)
class Found:
    """A cell's record, or why there is none; ``computed``: now."""

    cell: CodedCell
    record: Record | None
    reason: str = ""
    computed: bool = False

    @property
    def failed(self) -> bool:
        """Whether it was tried in vain."""
        return self.record is not None and self.record["status"] == "failed"


def runs_dir(machine: Machine) -> Path:
    """Records and shared networks of this track."""
    return machine.runs_dir / "coded_images"


def settle(cell: CodedCell, machine: Machine) -> Found:
    """The record of ``cell``, measured now if there is none; a failure is measured again.

    Raises:
        TropnncError: data or settings that are not accepted.
        OSError: a file cannot be written.
    """
    reason = missing(cell.classifiers, machine)
    if reason is not None:
        return Found(cell, None, reason)
    dataset = load_dataset(cell.dataset, machine.data_dir)
    parts = identity_parts(cell, dataset, machine)
    identity, runs = digest(parts), runs_dir(machine)
    with lock(runs, identity):
        record = read_record(runs, identity)
        if record is not None:
            return Found(cell, record)
        body = _attempt(cell, dataset, machine)
        whole = {"identity": identity, **parts, **body, "environment": environment()}
        return Found(cell, write_record(runs, whole), computed=True)


def identity_parts(cell: CodedCell, dataset: Dataset, machine: Machine) -> dict[str, Any]:
    """Everything that determines the result of ``cell``."""
    versions = {"experiment": EXPERIMENT_VERSION}
    if cell.coin is not None:
        versions["coin"] = COIN_VERSION
    return {
        "config": cell.determinants(),
        "schema": SCHEMA_VERSION,
        "data": dataset.fingerprint,
        "classifiers": provenance(cell.classifiers, machine),
        "versions": versions,
    }


def _attempt(cell: CodedCell, dataset: Dataset, machine: Machine) -> Record:
    try:
        return {"status": "done", **measure_cell(cell, dataset, machine)}
    except (TropnncError, OSError):
        raise
    except Exception:  # a sweep survives whatever one cell does
        return {"status": "failed", "traceback": traceback.format_exc()}
