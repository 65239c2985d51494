"""One cell: load or train the dense network, compress, evaluate, record."""

from __future__ import annotations

import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from experiments.bench import Bench, open_bench
from experiments.determinism import deterministic
from experiments.environment import environment
from experiments.evaluation import output_error
from experiments.identity import digest, identity_parts
from experiments.record import Record, Status, read_record, record_path, write_record
from experiments.settings import CellSettings, Machine
from tropnnc import (
    LIBRARY_VERSION,
    Allocator,
    Reducer,
    Tier,
    TropnncError,
    compress,
    make_allocator,
    make_method,
)
from tropnnc.seeding import derive_seed


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


def run_cell(cell: CellSettings, machine: Machine) -> Outcome:
    """The record of ``cell``: read if it is there, otherwise computed and written.

    An exception becomes a ``failed`` record, which the next run replaces.

    Raises:
        TropnncError: input that no rerun would accept, before anything is written.
    """
    try:
        reducer, allocator = _parts(cell)
        bench = open_bench(cell, machine)
    except TropnncError:
        raise
    except Exception:  # a sweep survives whatever one cell does
        return Outcome(cell, "failed", traceback.format_exc())
    head = _head(cell, bench, reducer, allocator)
    path = record_path(machine.runs_dir, head["identity"])
    known = read_record(machine.runs_dir, head["identity"])
    if known is not None:
        return Outcome(cell, known["status"], known.get("reason", ""), known, path, computed=False)
    status, message, body = _attempt(cell, bench, reducer, allocator)
    record = {**head, "status": status, **body}
    write_record(machine.runs_dir, record)
    return Outcome(cell, status, message, record, path)


def check_parts(cell: CellSettings) -> None:
    """Raise :class:`TropnncError` for a method, option or allocator that does not exist."""
    _parts(cell)


def _parts(cell: CellSettings) -> tuple[Reducer, Allocator]:
    return (
        make_method(cell.method.name, **dict(cell.method.options)),
        make_allocator(cell.allocator.name, **dict(cell.allocator.options)),
    )


def _head(cell: CellSettings, bench: Bench, reducer: Reducer, allocator: Allocator) -> Record:
    versions = {
        "method": reducer.version,
        "allocator": allocator.version,
        "library": LIBRARY_VERSION,
    }
    parts = identity_parts(
        cell.determinants(), bench.checkpoint, bench.dataset.fingerprint, versions
    )
    return {
        "identity": digest(parts),
        **parts,
        "needs": reducer.needs.label,
        "order": cell.order or reducer.order,
    }


def _attempt(
    cell: CellSettings, bench: Bench, reducer: Reducer, allocator: Allocator
) -> tuple[Status, str, Record]:
    if reducer.needs > Tier.IMAGES:
        reason = f"needs {reducer.needs.label}; the harness hands out unlabelled images"
        return "skipped", reason, {"reason": reason}
    try:
        return "done", "", _measure(cell, bench, reducer, allocator)
    except TropnncError:
        raise
    except Exception:  # whatever a method raises belongs into its record
        message = traceback.format_exc()
        return "failed", message, {"traceback": message}


def _measure(
    cell: CellSettings, bench: Bench, reducer: Reducer, allocator: Allocator
) -> dict[str, Any]:
    images = None
    if reducer.needs >= Tier.IMAGES:
        images = bench.calibration(cell.calibration_images, cell.seed)
    dense = bench.dense
    started = time.perf_counter()
    with deterministic(derive_seed(cell.seed, "torch")):
        small, report = compress(
            bench.model,
            bench.test_images[:1].to(bench.device),
            method=reducer,
            ratio=cell.ratio,
            scope=cell.scope,
            order=cell.order,
            allocator=allocator,
            calibration=images,
            pixels=bench.pixels,
            seed=derive_seed(cell.seed, "compress"),
        )
    compressed_at = time.perf_counter()
    compressed = bench.evaluate(small)
    evaluated_at = time.perf_counter()
    return {
        "dense": {**dense.record(), **asdict(report.before)},
        "compressed": {**compressed.record(), **asdict(report.after)},
        "output_error": output_error(dense.logits, compressed.logits),
        "units": [
            {"name": row.name, "kind": row.kind, "neurons": row.neurons, "kept": row.kept}
            for row in report.units
        ],
        "left_alone": [asdict(item) for item in report.left_alone],
        "environment": environment(),
        "timing": {
            "compress_seconds": round(compressed_at - started, 4),
            "evaluate_seconds": round(evaluated_at - compressed_at, 4),
        },
    }
