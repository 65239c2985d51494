"""One cell: its record is read, or measured and written, by one process at a time."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from baselines.ntk_lc import NTK_LC_VERSION
from experiments.environment import environment
from experiments.identity import SCHEMA_VERSION, digest
from experiments.locks import lock
from experiments.ntk.accuracy import measure_accuracy
from experiments.ntk.data import load_vectors
from experiments.ntk.features import missing
from experiments.ntk.settings import AccuracyCell, Cell, SpectrumCell
from experiments.ntk.spectrum import measure_spectrum
from experiments.record import Record, read_record, record_path, write_record
from experiments.settings import Machine
from tropnnc.errors import TropnncError

# Bumped by hand whenever the same cell gives another result.
EXPERIMENT_VERSION = 1


@dataclass(frozen=True)
class Result:
    """What became of a cell: its record, or why there is none."""

    cell: Cell
    record: Record | None
    reason: str = ""
    computed: bool = True

    @property
    def failed(self) -> bool:
        """Whether it was tried in vain."""
        return self.record is not None and self.record["status"] == "failed"


def runs_dir(machine: Machine) -> Path:
    """Records of this track; those of the benchmark are of another kind."""
    return machine.runs_dir / "ntk"


def run_cell(cell: Cell, machine: Machine, wait: bool) -> Result:
    """The record of ``cell``: from disk, or measured now. A failure is measured again next time.

    Raises:
        Busy: another process is at it, and ``wait`` is False.
        TropnncError: data that are not to be had.
        OSError: a file cannot be written.
    """
    if isinstance(cell, AccuracyCell):
        reason = missing(cell.data, machine)
        if reason is not None:
            return Result(cell, None, reason)
    parts = _identity_parts(cell, machine)
    identity, runs = digest(parts), runs_dir(machine)
    record = read_record(runs, identity)
    if record is not None:
        return Result(cell, record, computed=False)
    with lock(runs, identity, wait):
        record = read_record(runs, identity)
        if record is not None:
            return Result(cell, record, computed=False)
        record = {"identity": identity, **parts, **_attempt(cell, machine)}
        record = write_record(runs, {**record, "environment": environment()})
    path = record_path(runs, identity)
    return Result(cell, record, f"traceback in {path}" if record["status"] == "failed" else "")


def _identity_parts(cell: Cell, machine: Machine) -> dict[str, Any]:
    data = "drawn" if isinstance(cell, SpectrumCell) else _vectors(cell, machine).fingerprint
    return {
        "config": cell.determinants(),
        "schema": SCHEMA_VERSION,
        "data": data,
        "versions": {"ntk_lc": NTK_LC_VERSION, "experiment": EXPERIMENT_VERSION},
    }


def _vectors(cell: AccuracyCell, machine: Machine) -> Any:
    return load_vectors(cell.data, cell.train_images, machine)


def _attempt(cell: Cell, machine: Machine) -> Record:
    try:
        if isinstance(cell, SpectrumCell):
            return {"status": "done", **measure_spectrum(cell)}
        return {"status": "done", **measure_accuracy(cell, _vectors(cell, machine))}
    except (TropnncError, OSError):
        raise
    except Exception:  # a sweep survives whatever one cell does
        return {"status": "failed", "traceback": traceback.format_exc()}
