"""Training that may follow a compression."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from experiments.bench import Bench, bench_of
from experiments.data import Examples
from experiments.determinism import deterministic, one_thread
from experiments.distillation import Imitation
from experiments.processes import ALONE, Processes, check_size
from experiments.resuming import Snapshot
from experiments.settings import DatasetSettings, Machine, TestSplit
from experiments.training import epochs
from experiments.training_settings import Finetuning
from tropnnc.seeding import derive_seed

if TYPE_CHECKING:
    from experiments.communication.processes import Exchanging


def reinitialised(model: nn.Module, seed: int) -> nn.Module:
    """A copy of ``model`` with fresh random weights.

    Raises:
        TypeError: a module has weights and no ``reset_parameters``.
    """
    model = copy.deepcopy(model)
    with deterministic(derive_seed(seed, "initialisation from scratch")):
        for name, module in model.named_modules():
            if any(True for _ in module.parameters(recurse=False)):
                reset: Any = getattr(module, "reset_parameters", None)
                if reset is None:
                    raise TypeError(f"{name}: {type(module).__name__} cannot be initialised anew")
                reset()
    return model


def finetuned(
    small: nn.Module,
    settings: Finetuning,
    bench: Bench,
    seed: int,
    folder: Path,
    machine: Machine,
    imitated: Examples | None = None,
) -> dict[str, Any]:
    """What a record says: ``finetuned``, the evaluations at the reported epochs.

    With several learning rates also ``learning_rates``, the one chosen and the validation images
    that each classifies; the first of the best is chosen. The test images play no part in it. Where
    gradients are compressed also ``communication``, what a process sends in a step, and ``timing``.

    ``folder`` holds a file per rate until the record is written: killed, the fine-tuning goes on
    from its last epoch. Where ``settings`` ask for several processes, all of them take part. What
    is learnt are the labels, or the dense network's outputs on the images that are ``imitated``.

    Raises:
        TropnncError: torchrun has started another number of processes.
        ProcessesFailed: one of several was lost.
    """
    check_size(settings.processes)
    if settings.processes == 1:
        return _finetuned(small, settings, bench, seed, folder, ALONE, imitated)
    from experiments.ddp import together  # noqa: PLC0415  (only where torchrun is)

    sent = copy.deepcopy(small).cpu()
    tested = bench.test_images_limit, bench.test_split
    part = _Task(sent, settings, seed, folder, bench.settings, tested, machine)
    with together(part) as processes:
        return _finetuned(small, settings, bench, seed, folder, processes)


@dataclass(frozen=True, eq=False)
class _Task:
    """What another process needs for its part in a fine-tuning; its data it reads itself."""

    small: nn.Module
    settings: Finetuning
    seed: int
    folder: Path
    dataset: DatasetSettings
    tested: tuple[int, TestSplit]
    machine: Machine

    def __call__(self, processes: Processes) -> None:
        bench = bench_of(self.small, self.dataset, self.machine, *self.tested)
        _finetuned(bench.model, self.settings, bench, self.seed, self.folder, processes)


def _finetuned(
    small: nn.Module,
    settings: Finetuning,
    bench: Bench,
    seed: int,
    folder: Path,
    processes: Processes,
    imitated: Examples | None = None,
) -> dict[str, Any]:
    curves, validation, sent = {}, {}, {}
    for rate in settings.rates or (settings.recipe.learning_rate,):
        model = copy.deepcopy(small)
        own = replace(settings, recipe=replace(settings.recipe, learning_rate=rate))
        curve = Curve()
        snapshot = Snapshot(folder / f"{rate:g}")
        exchanging = _exchanging(processes, settings, seed)
        finetune(model, own, bench, seed, curve, snapshot, exchanging or processes, imitated)
        sent[rate] = {} if exchanging is None else exchanging.section()
        curves[rate] = curve.points
        if settings.rates:
            validation[rate] = bench.validate(model, processes).correct
    if not settings.rates:
        [(rate, points)] = curves.items()
        return {"finetuned": points, **sent[rate]}
    chosen = max(settings.rates, key=lambda rate: validation[rate])
    choice = {
        "chosen": chosen,
        "validation": [{"learning_rate": r, "correct": c} for r, c in validation.items()],
        "total": len(bench.dataset.validation),
    }
    return {"finetuned": curves[chosen], "learning_rates": choice, **sent[chosen]}


def _exchanging(processes: Processes, settings: Finetuning, seed: int) -> Exchanging | None:
    """The processes of one training, where what they send is compressed."""
    if settings.communication is None:
        return None
    from experiments.communication.processes import exchanging  # noqa: PLC0415  (as together)

    return exchanging(processes, settings.communication, seed)


class Curve:
    """The evaluations at the reported epochs; the last one is the result."""

    def __init__(self) -> None:
        self.points: list[dict[str, Any]] = []

    def state_dict(self) -> dict[str, Any]:
        """The evaluations so far."""
        return {"points": self.points}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from those of an earlier process."""
        self.points = state_dict["points"]


def finetune(
    model: nn.Module,
    settings: Finetuning,
    bench: Bench,
    seed: int,
    curve: Curve,
    snapshot: Snapshot | None = None,
    processes: Processes = ALONE,
    imitated: Examples | None = None,
) -> None:
    """Train ``model`` in place, left in evaluation mode, and fill ``curve``.

    The order of the data depends on ``seed`` alone: it is the same for every method, and in every
    process. Dropout draws differ from process to process. With images to be ``imitated`` the dense
    network's outputs are learnt, no label.
    """
    order = torch.Generator().manual_seed(derive_seed(seed, "fine-tuning order"))
    goal = None if imitated is None else Imitation(bench.model, order)
    data, label = imitated, "fine-tuning"
    if data is None:
        chosen, train = settings.images, bench.dataset.train
        data = bench.training_images(chosen, seed) if chosen else train
    recipe, pixels = settings.recipe, bench.settings
    own = (processes.rank,) if processes.rank else ()
    steps = epochs(
        model, recipe, data, pixels, order, label, snapshot, processes, goal, curve=curve
    )
    with deterministic(derive_seed(seed, "fine-tuning", *own)), one_thread():
        for epoch in steps:
            if epoch in settings.report:
                evaluation = bench.evaluate(model.eval(), processes)
                curve.points.append({"epoch": epoch, **evaluation.record()})
    model.eval()
