"""One cell of the data track."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from baselines.coin import COIN_VERSION
from experiments.coded_images.classifiers import missing, provenance
from experiments.coded_images.measure import measure_cell
from experiments.coded_images.settings import CodedCell
from experiments.data import Dataset, load_dataset
from experiments.identity import SCHEMA_VERSION
from experiments.record import Record
from experiments.settings import Machine
from experiments.track.cells import Result, settle

# Bumped by hand whenever the same cell gives another result.
EXPERIMENT_VERSION = 1


def runs_dir(machine: Machine) -> Path:
    """Records and shared networks of this track."""
    return machine.runs_dir / "coded_images"


def run_cell(cell: CodedCell, wait: bool, machine: Machine) -> Result[CodedCell]:
    """The record of ``cell``: from disk, or measured now.

    Raises:
        Busy: another process is at it, and ``wait`` is False.
        TropnncError: data or settings that are not accepted.
        OSError: a file cannot be written.
    """
    reason = missing(cell.classifiers, machine)
    if reason is not None:
        return Result(cell, None, reason)
    dataset = load_dataset(cell.dataset, machine.data_dir)
    parts = identity_parts(cell, dataset, machine)
    return settle(
        cell, parts, lambda: measure_cell(cell, dataset, machine), runs_dir(machine), wait
    )


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


def found(record: Record) -> str:
    """Bits per pixel in a few words."""
    bits = 8 * record["payload_bytes"] / (record["config"]["images"] * record["pixels"])
    return f"{bits:.3f} bits per pixel"
