"""The body of a record: build, evaluate, store; then train, evaluate and store again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from baselines.rewriters.network import settled
from experiments.bench import Bench
from experiments.evaluation import evaluate
from experiments.measure import Timing
from experiments.recalibration import recalibrated
from experiments.relatives.learning import trained
from experiments.relatives.macs import formal_macs
from experiments.relatives.masks import MaskWatch, has_masks
from experiments.relatives.narrowing import grown, narrowed
from experiments.relatives.pipeline import Built, build_network, in_half
from experiments.relatives.settings import Cell
from experiments.relatives.tracks import names_of
from experiments.settings import CellSettings, Machine
from tropnnc.cost import count
from tropnnc.errors import TropnncError
from tropnnc.storage import codec_names, store

# A codebook of more values than that is larger than what it saves here.
CODEBOOKS, MOST_VALUES = ("index_map", "ham", "sham", "sham_tight", "range"), 4096


def measure(
    cell: Cell, suite: CellSettings, bench: Bench, machine: Machine, progress: Path
) -> dict[str, Any]:
    """Everything that a record says about the result.

    Args:
        cell: what is done.
        suite: a cell of the benchmark on the same dense network.
        bench: that network, opened.
        machine: where it runs.
        progress: file of a training from random weights, which goes on from it.
    """
    dense, timing = dense_section(bench), Timing()
    with timing("build"):
        narrow = network_with_widths(cell, suite, bench, machine, progress)
        built = built_network(cell.prepared(), narrow)
    with timing("evaluate"):
        before = evaluated(built.model, bench)
    with timing("store"):
        before["files"] = sizes(built.model)
    body = {
        "names": names_of(cell),
        "dense": dense,
        "macs": count(built.model, bench.example).macs,
        "formal_macs": formal_macs(built.model, narrow, built.facts, bench.example),
        "layers": list(built.layers),
        "left_alone": list(built.left_alone),
        "before": before,
    }
    if cell.recalibration_images:
        with timing("recalibrate"):
            images = bench.calibration(cell.recalibration_images, cell.seed)
            body["recalibrated"] = evaluated(recalibrated(built.model, images), bench)
    if cell.steps:
        watch = MaskWatch()
        with timing("train"):
            learnt = trained(built.model, bench, cell.steps, cell.draw, cell.rate, watch)
            learnt = in_half(learnt) if cell.half else learnt
        with timing("evaluate_trained"):
            body["after"] = evaluated(learnt, bench)
        with timing("store_trained"):
            body["after"]["files"] = sizes(learnt)
        if has_masks(cell):
            body["mask_changes"] = watch.changes
    return {**body, "timing": timing.seconds}


def evaluated(model: nn.Module, bench: Bench) -> dict[str, Any]:
    """Counts and the bit per test image.

    Not by ``bench.evaluate``, which traces the network for what it shares with the dense one: the
    modules of some formats look at the shapes of what they are given.
    """
    return evaluate(model, bench.test_images, bench.test.labels, bench.device).record()


def network_with_widths(
    cell: Cell, suite: CellSettings, bench: Bench, machine: Machine, progress: Path
) -> nn.Module:
    """The dense network, narrower where the cell says so; it is not to be modified."""
    if cell.narrowing is None:
        return bench.model
    if cell.scratch:
        return grown(cell.narrowing, suite, bench, machine, cell.draw, progress)
    return narrowed(cell.narrowing, suite, bench, machine)


@lru_cache(maxsize=2)
def built_network(prepared: Cell, narrow: nn.Module) -> Built:
    """The network of a cell before its training; the last ones are kept."""
    return build_network(prepared, narrow)


def sizes(model: nn.Module) -> Mapping[str, int]:
    """Bytes of the file with the stored form of ``model``, by codec.

    Under every codec that accepts it; those with a codebook are tried where values are shared.
    """
    state = settled(model).state_dict()
    skipped = () if _shares(state) else CODEBOOKS
    found = {}
    for codec in (name for name in codec_names() if name not in skipped):
        with suppress(TropnncError):  # not exactly float16, or too many values for a codebook
            found[codec] = len(store(state, codec))
    return found


def _shares(state: Mapping[str, Tensor]) -> bool:
    return all(len(t.unique()) <= MOST_VALUES for t in state.values() if t.ndim > 1)


@lru_cache(maxsize=2)
def dense_section(bench: Bench) -> dict[str, int]:
    """What every record says about the dense network."""
    return {
        "correct": bench.dense.correct,
        "bytes": sizes(bench.model)["fp32"],
        "macs": count(bench.model, bench.example).macs,
    }
