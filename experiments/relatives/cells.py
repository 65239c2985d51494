"""One cell of the relatives."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from experiments.bench import Bench, open_bench
from experiments.identity import digest, identity_parts
from experiments.networks import obstacle
from experiments.recalibration import RECALIBRATION_VERSION
from experiments.record import Record
from experiments.relatives.learning import LEARNING_VERSION, recipe_at
from experiments.relatives.masks import MASKS_VERSION, has_masks
from experiments.relatives.measure import measure
from experiments.relatives.narrowing import determinants
from experiments.relatives.networks import suite_cell
from experiments.relatives.parts import make_rewriter, make_scheme
from experiments.relatives.settings import Cell
from experiments.settings import CellSettings, Machine
from experiments.track.cells import Result, settle
from experiments.training import TRAINING_VERSION
from tropnnc import LIBRARY_VERSION

# Bumped by hand whenever the same cell gives another result: bytes too, of whatever codec.
EXPERIMENT_VERSION = 1


def runs_dir(machine: Machine) -> Path:
    """Records of this track; those of the benchmark are of another kind."""
    return machine.runs_dir / "relatives"


def run_cell(cell: Cell, wait: bool, machine: Machine) -> Result[Cell]:
    """The record of ``cell``: from disk, or measured now.

    Raises:
        Busy: another process is at it, and ``wait`` is False.
        TropnncError: a network, method or option that is not accepted.
        OSError: a file cannot be written.
    """
    suite = suite_cell(cell.network, cell.seed, cell.test_images)
    reason = obstacle(suite, machine)
    if reason is not None:
        return Result(cell, None, reason)
    bench = open_bench(suite, machine)
    parts = parts_of(cell, suite, bench)
    runs = runs_dir(machine)
    progress = runs / "trainings" / f"{digest(parts)}.part"
    body = partial(measure, cell, suite, bench, machine, progress)
    result = settle(cell, parts, body, runs, wait)
    progress.unlink(missing_ok=True)
    return result


def parts_of(cell: Cell, suite: CellSettings, bench: Bench) -> dict[str, Any]:
    """What determines the record of ``cell``."""
    config = {**cell.determinants(), "dataset": bench.settings.determinants()}
    if cell.narrowing is not None:
        config["narrowing"] = determinants(cell.narrowing, suite, bench.model)
    if cell.scratch:
        config["train"] = suite.train.determinants()
    if cell.steps:
        config["train"] = recipe_at(cell.rate).determinants()
    return identity_parts(config, bench.checkpoint, bench.dataset.fingerprint, versions_of(cell))


def versions_of(cell: Cell) -> dict[str, int]:
    """Those of everything that has a part in the record."""
    versions = {"experiment": EXPERIMENT_VERSION}
    if cell.rewriting is not None:
        versions["rewriter"] = make_rewriter(cell.rewriting.rewriter).version
    if cell.sharing is not None and cell.sharing.quantiser is not None:
        versions["scheme"] = make_scheme(cell.sharing.quantiser).version
    if cell.narrowing is not None:
        versions["library"] = LIBRARY_VERSION
    if cell.recalibration_images:
        versions["recalibration"] = RECALIBRATION_VERSION
    if cell.steps:
        versions["learning"] = LEARNING_VERSION
    if has_masks(cell):
        versions["masks"] = MASKS_VERSION
    if cell.scratch or cell.steps:
        versions["training"] = TRAINING_VERSION
    return versions


def found(record: Record) -> str:
    """Accuracy and bytes in a few words."""
    stage = record.get("after", record["before"])
    size = min(stage["files"].values())
    return f"{100 * stage['correct'] / stage['total']:.2f} %, {size:,} bytes"
