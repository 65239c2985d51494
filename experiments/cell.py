"""One cell: load or train the dense network, compress, evaluate, record."""

from __future__ import annotations

import shutil
import traceback
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import nn

from experiments.architectures import build
from experiments.bench import Bench, open_bench
from experiments.communication.settings import COMMUNICATION_VERSION
from experiments.distillation import DISTILLATION_VERSION
from experiments.geometry.section import GEOMETRY_VERSION
from experiments.identity import digest, identity_parts
from experiments.locks import Busy, lock
from experiments.measure import measure
from experiments.networks import is_being_trained, obstacle
from experiments.recalibration import RECALIBRATION_VERSION
from experiments.record import Record, Status, read_record, record_path, write_record
from experiments.settings import ArchSettings, CellSettings, Machine
from experiments.synthetic_cells import another_makes_them, with_recipes
from experiments.torchrun import ProcessesFailed
from experiments.training import TRAINING_VERSION
from tropnnc import (
    LIBRARY_VERSION,
    Allocator,
    Reducer,
    Tier,
    TropnncError,
    make_allocator,
    make_method,
)
from tropnnc.errors import UnsupportedUnit


@dataclass(frozen=True)
class Outcome:
    """What became of a cell.

    Attributes:
        cell: its settings.
        status: ``done``, ``failed`` or ``skipped``.
        message: reason or traceback where it is not done.
        record: the record, if the cell came far enough to have an identity.
        path: of the record.
        computed: now, or found on disk.
    """

    cell: CellSettings
    status: Status
    message: str = ""
    record: Record | None = None
    path: Path | None = None
    computed: bool = True


def run_cell(cell: CellSettings, machine: Machine, wait: bool = True) -> Outcome:
    """The record of ``cell``: read if it is there, otherwise computed and written.

    An exception becomes a ``failed`` record, which the next run replaces.

    Raises:
        TropnncError: input that no rerun would accept, before anything is written.
        OSError: a file cannot be written; the next cell would fare no better.
        Busy: another process trains its network, makes its images or computes it, and ``wait`` is
            False.
        ProcessesFailed: of several that fine-tune it one was lost; nothing is written.
    """
    reason = obstacle(cell, machine)
    if reason is not None:
        return Outcome(cell, "skipped", reason)
    try:
        reducer, allocator = _parts(cell)
        if not wait and is_being_trained(cell, machine):
            raise Busy
        bench = open_bench(cell, machine)
    except (TropnncError, OSError, Busy):
        raise
    except Exception:  # a sweep survives whatever one cell does
        return Outcome(cell, "failed", traceback.format_exc())
    head = _head(cell, bench, reducer, allocator)
    known = _found(cell, machine, head["identity"])
    if known is not None:
        return known
    if not wait and another_makes_them(cell, bench, reducer, machine):
        raise Busy
    with lock(machine.runs_dir, head["identity"], wait):
        known = _found(cell, machine, head["identity"])
        if known is not None:
            return known
        folder = machine.runs_dir / "finetunings" / head["identity"]
        status, message, body = _attempt(cell, bench, reducer, allocator, folder, machine)
        record = write_record(machine.runs_dir, {**head, "status": status, **body})
        shutil.rmtree(folder, ignore_errors=True)
    return Outcome(cell, status, message, record, record_path(machine.runs_dir, head["identity"]))


def settled(cell: CellSettings, machine: Machine) -> Outcome | None:
    """What is known of ``cell`` without computing; None where it is missing, or failed before.

    Its dense network is on disk, or it is skipped.
    """
    reason = obstacle(cell, machine)
    if reason is not None:
        return Outcome(cell, "skipped", reason)
    return _found(cell, machine, cell_identity(cell, open_bench(cell, machine)))


def cell_identity(cell: CellSettings, bench: Bench) -> str:
    """Hash of what determines the result of ``cell``."""
    return _head(cell, bench, *_parts(cell))["identity"]


def cell_versions(cell: CellSettings) -> dict[str, int]:
    """Hand-bumped versions of what computes ``cell``; they are part of its identity."""
    return _versions(cell, *_parts(cell))


def cell_config(cell: CellSettings) -> dict[str, Any]:
    """The configuration that is part of its identity, without a look at data or weights."""
    return with_recipes(cell, _weightless(cell.arch), _parts(cell)[0])


@lru_cache(maxsize=4)
def _weightless(arch: ArchSettings) -> nn.Module:
    with torch.device("meta"):
        return build(arch)


def _found(cell: CellSettings, machine: Machine, identity: str) -> Outcome | None:
    record = read_record(machine.runs_dir, identity)
    if record is None:
        return None
    path = record_path(machine.runs_dir, identity)
    return Outcome(cell, record["status"], record.get("reason", ""), record, path, computed=False)


def check_parts(cell: CellSettings) -> None:
    """Raise :class:`TropnncError` for a method, option or allocator that does not exist."""
    _parts(cell)


def _parts(cell: CellSettings) -> tuple[Reducer, Allocator]:
    return (
        make_method(cell.method.name, **dict(cell.method.options)),
        make_allocator(cell.allocator.name, **dict(cell.allocator.options)),
    )


def _versions(cell: CellSettings, reducer: Reducer, allocator: Allocator) -> dict[str, int]:
    """Those of everything that has a part in the record, optional sections included."""
    versions = {
        "method": reducer.version,
        "allocator": allocator.version,
        "library": LIBRARY_VERSION,
    }
    if cell.geometry_images:
        versions["geometry"] = GEOMETRY_VERSION
    if cell.recalibration_images:
        versions["recalibration"] = RECALIBRATION_VERSION
    if cell.finetuning is not None:
        versions["training"] = TRAINING_VERSION
        if cell.finetuning.communication is not None:
            versions["communication"] = COMMUNICATION_VERSION
        if cell.finetuning.distillation is not None:
            versions["distillation"] = DISTILLATION_VERSION
    return versions


def _head(cell: CellSettings, bench: Bench, reducer: Reducer, allocator: Allocator) -> Record:
    parts = identity_parts(
        with_recipes(cell, bench.model, reducer),
        bench.checkpoint,
        bench.dataset.fingerprint,
        _versions(cell, reducer, allocator),
    )
    return {
        "identity": digest(parts),
        **parts,
        "needs": reducer.needs.label,
        "order": cell.order or reducer.order,
    }


def _unmet(cell: CellSettings, bench: Bench, reducer: Reducer) -> str | None:
    """What the cell needs and is not to have; None where there is nothing of the kind."""
    if reducer.needs > Tier.IMAGES:
        return f"needs {reducer.needs.label}; the harness hands out unlabelled images"
    tuning = cell.finetuning
    trains = cell.recalibration_images or (tuning is not None and not tuning.is_image_free)
    if (trains or reducer.needs >= Tier.IMAGES) and not len(bench.dataset.train):
        return f"needs training images; of {cell.dataset.name} there are none here"
    return None


def _attempt(
    cell: CellSettings,
    bench: Bench,
    reducer: Reducer,
    allocator: Allocator,
    folder: Path,
    machine: Machine,
) -> tuple[Status, str, Record]:
    try:
        reason = _unmet(cell, bench, reducer)
        if reason is not None:
            return "skipped", reason, {"reason": reason}
        return "done", "", measure(cell, bench, reducer, allocator, folder, machine)
    except UnsupportedUnit as error:
        return "skipped", str(error), {"reason": str(error)}
    except TropnncError:
        raise
    except ProcessesFailed as error:  # as if killed: no record, the last epoch stays on disk
        error.add_note(cell.label)
        raise
    except Exception:  # whatever a method raises belongs into its record
        message = traceback.format_exc()
        return "failed", message, {"traceback": message}
