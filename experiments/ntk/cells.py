"""One cell of an NTK-LC experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from baselines.ntk_lc import NTK_LC_VERSION
from experiments.identity import SCHEMA_VERSION
from experiments.ntk.accuracy import measure_accuracy
from experiments.ntk.data import load_vectors
from experiments.ntk.features import missing
from experiments.ntk.settings import AccuracyCell, Cell, SpectrumCell
from experiments.ntk.spectrum import measure_spectrum
from experiments.record import Record
from experiments.settings import Machine
from experiments.track.cells import Result, settle

# Bumped by hand whenever the same cell gives another result.
EXPERIMENT_VERSION = 1


def runs_dir(machine: Machine) -> Path:
    """Records of this track; those of the benchmark are of another kind."""
    return machine.runs_dir / "ntk"


def run_cell(cell: Cell, wait: bool, machine: Machine) -> Result[Cell]:
    """The record of ``cell``: from disk, or measured now.

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
    return settle(cell, parts, lambda: _measured(cell, machine), runs_dir(machine), wait)


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


def _measured(cell: Cell, machine: Machine) -> Record:
    if isinstance(cell, SpectrumCell):
        return measure_spectrum(cell)
    return measure_accuracy(cell, _vectors(cell, machine))
