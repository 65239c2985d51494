"""The body of a record: compress, evaluate, and what may follow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from experiments.bench import Bench
from experiments.determinism import deterministic
from experiments.distillation import examples_of
from experiments.environment import environment
from experiments.evaluation import Evaluation, output_error
from experiments.finetuning import finetuned, reinitialised
from experiments.geometry.recording import Recording
from experiments.geometry.section import geometry_section
from experiments.memory import peak_rss, reset_peak
from experiments.recalibration import recalibrated
from experiments.settings import CellSettings, Machine
from experiments.synthetic_cells import synthetic_of, tuning_recipe
from experiments.synthetic_images import SyntheticImages
from experiments.training_settings import Finetuning
from tropnnc import Allocator, Reducer, Report, Tier, TropnncError, compress
from tropnnc.protocols import recipe_of
from tropnnc.seeding import derive_seed


def measure(
    cell: CellSettings,
    bench: Bench,
    reducer: Reducer,
    allocator: Allocator,
    folder: Path,
    machine: Machine,
) -> dict[str, Any]:
    """Everything that a record says about the result.

    ``compressed`` is before, ``recalibrated`` and ``finetuned`` are after what they are named for.
    ``folder`` is for what a rerun may go on from.

    Raises:
        TropnncError: ``cell`` asks for what its method or network cannot give.
        ProcessesFailed: of several that fine-tune it one was lost.
    """
    dense, timing = bench.dense, Timing()
    listener = _listener(cell, reducer)
    own = synthetic_of(cell, bench, recipe_of(reducer, bench.model), machine)
    reset_peak()  # what every cell on this network shares is resident by now
    synthetic = timing.imagined("imagine", own)
    with timing("compress"):
        small, report = compress_cell(cell, bench, listener or reducer, allocator, synthetic)
    if cell.finetuning is not None and cell.finetuning.from_scratch:
        small = reinitialised(small, cell.base_seed)
    with timing("evaluate"):
        compressed = bench.evaluate(small)
    body = _result(dense, compressed, report)
    if listener is not None:
        with timing("geometry"):
            images = bench.first(cell.geometry_images)
            section = geometry_section(bench.model, small, report, listener.answers, images)
            body["geometry"] = section
    if cell.recalibration_images:
        with timing("recalibrate"):
            small, section = _recalibrated(small, bench, cell)
            body["recalibrated"] = section
    if cell.finetuning is not None:
        body |= _finetuned(small, cell.finetuning, cell, bench, folder, machine, timing)
    return {**body, "timing": timing.seconds, "memory": {"peak_rss": peak_rss()}}


class Timing:
    """Wall-clock seconds of the parts of a cell, by ``PART_seconds``."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Iterator[None]:
        """Time the block as ``part``."""
        started = time.perf_counter()
        yield
        self.seconds[f"{part}_seconds"] = round(time.perf_counter() - started, 4)

    def imagined(self, part: str, images: SyntheticImages | None) -> Tensor | None:
        """The images; what the first cell that needed them paid counts for each, as ``part``."""
        if images is None:
            return None
        self.seconds[f"{part}_seconds"] = images.seconds
        return images.images.tensor


def _result(dense: Evaluation, compressed: Evaluation, report: Report) -> dict[str, Any]:
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
    }


def _recalibrated(
    small: nn.Module, bench: Bench, cell: CellSettings
) -> tuple[nn.Module, dict[str, Any]]:
    """``small`` with batch norms taken anew, and its evaluation beside the dense network's."""
    images, seed = cell.recalibration_images, cell.base_seed
    small = recalibrated(small, bench.calibration(images, seed))
    return small, {
        "dense": _dense_recalibrated(bench, images, seed).record(),
        "compressed": bench.evaluate(small).record(),
    }


def _finetuned(
    small: nn.Module,
    tuning: Finetuning,
    cell: CellSettings,
    bench: Bench,
    folder: Path,
    machine: Machine,
    timing: Timing,
) -> dict[str, Any]:
    """``small`` trained, by the labels or by the dense network's outputs."""
    recipe, seed = tuning_recipe(cell, bench.model), cell.base_seed
    own = synthetic_of(cell, bench, recipe, machine)
    synthetic, imitated = timing.imagined("finetune_imagine", own), None
    with timing("finetune"):
        if tuning.distillation is not None:
            imitated = examples_of(tuning.distillation, bench, synthetic, seed)
        body = finetuned(small, tuning, bench, seed, folder, machine, imitated)
    timing.seconds |= body.pop("timing", {})
    return body


def _listener(cell: CellSettings, reducer: Reducer) -> Recording | None:
    """The method with its answers kept, where bounds are asked for.

    Raises:
        TropnncError: they are, and the units are not read from the dense network.
    """
    if not cell.geometry_images:
        return None
    if (cell.order or reducer.order) != "original":
        raise TropnncError("geometry.images measures dense units: order=original is accepted")
    return Recording(reducer)


def compress_cell(
    cell: CellSettings,
    bench: Bench,
    reducer: Reducer,
    allocator: Allocator,
    synthetic: Tensor | None,
) -> tuple[nn.Module, Report]:
    """The dense network compressed as ``cell`` says, ``synthetic`` images made beforehand."""
    images: Tensor | None = None
    if reducer.needs >= Tier.IMAGES:
        images = bench.calibration(cell.calibration_images, cell.base_seed)
    with deterministic(derive_seed(cell.base_seed, "torch")):
        return compress(
            bench.model,
            bench.example,
            method=reducer,
            ratio=cell.ratio,
            scope=cell.scope,
            order=cell.order,
            allocator=allocator,
            calibration=images,
            pixels=bench.pixels,
            seed=derive_seed(cell.base_seed, "compress"),
            synthetic=synthetic,
        )


@lru_cache(maxsize=8)
def _dense_recalibrated(bench: Bench, images: int, seed: int) -> Evaluation:
    return bench.evaluate(recalibrated(bench.model, bench.calibration(images, seed)))
