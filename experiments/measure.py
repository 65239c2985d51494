"""The body of a record: compress, evaluate, and what may follow."""

from __future__ import annotations

import time
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from torch import Tensor, nn

from experiments.bench import Bench
from experiments.determinism import deterministic
from experiments.environment import environment
from experiments.evaluation import Evaluation, output_error
from experiments.finetuning import finetuned, reinitialised
from experiments.geometry.recording import Recording
from experiments.geometry.section import geometry_section
from experiments.memory import peak_rss, reset_peak
from experiments.recalibration import recalibrated
from experiments.settings import CellSettings
from tropnnc import Allocator, Reducer, Report, Tier, TropnncError, compress
from tropnnc.seeding import derive_seed


def measure(
    cell: CellSettings, bench: Bench, reducer: Reducer, allocator: Allocator
) -> dict[str, Any]:
    """Everything that a record says about the result.

    ``compressed`` is before, ``recalibrated`` and ``finetuned`` are after what they are named for.
    """
    dense = bench.dense
    reset_peak()  # what every cell on this network shares is resident by now
    listener = _listener(cell, reducer)
    started = time.perf_counter()
    small, report = _compress(cell, bench, listener, allocator)
    timing = {"compress_seconds": _since(started)}
    if cell.finetuning is not None and cell.finetuning.from_scratch:
        small = reinitialised(small, cell.base_seed)
    started = time.perf_counter()
    compressed = bench.evaluate(small)
    timing["evaluate_seconds"] = _since(started)
    body = {
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
    if cell.geometry_images:
        started = time.perf_counter()
        images = bench.test_images[: cell.geometry_images].to(bench.device)
        body["geometry"] = geometry_section(bench.model, small, report, listener.answers, images)
        timing["geometry_seconds"] = _since(started)
    if cell.recalibration_images:
        started = time.perf_counter()
        images = cell.recalibration_images
        small = recalibrated(small, bench.calibration(images, cell.base_seed))
        body["recalibrated"] = {
            "dense": _dense_recalibrated(bench, images, cell.base_seed).record(),
            "compressed": bench.evaluate(small).record(),
        }
        timing["recalibrate_seconds"] = _since(started)
    if cell.finetuning is not None:
        started = time.perf_counter()
        body |= finetuned(small, cell.finetuning, bench, cell.base_seed)
        timing["finetune_seconds"] = _since(started)
    return {**body, "timing": timing, "memory": {"peak_rss": peak_rss()}}


def _listener(cell: CellSettings, reducer: Reducer) -> Recording:
    """The method, its answers kept.

    Raises:
        TropnncError: bounds are asked for, and the units are not read from the dense network.
    """
    if cell.geometry_images and (cell.order or reducer.order) != "original":
        raise TropnncError("geometry.images measures dense units: order=original is accepted")
    return Recording(reducer)


def _compress(
    cell: CellSettings, bench: Bench, reducer: Reducer, allocator: Allocator
) -> tuple[nn.Module, Report]:
    images: Tensor | None = None
    if reducer.needs >= Tier.IMAGES:
        images = bench.calibration(cell.calibration_images, cell.base_seed)
    with deterministic(derive_seed(cell.base_seed, "torch")):
        return compress(
            bench.model,
            bench.test_images[:1].to(bench.device),
            method=reducer,
            ratio=cell.ratio,
            scope=cell.scope,
            order=cell.order,
            allocator=allocator,
            calibration=images,
            pixels=bench.pixels,
            seed=derive_seed(cell.base_seed, "compress"),
        )


@lru_cache(maxsize=8)
def _dense_recalibrated(bench: Bench, images: int, seed: int) -> Evaluation:
    return bench.evaluate(recalibrated(bench.model, bench.calibration(images, seed)))


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 4)
