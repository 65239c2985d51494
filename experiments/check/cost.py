"""What the dense network of a committed cell costs on this machine."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import cache

import torch

from experiments.architectures import build
from experiments.check.draw import Drawn, Network
from experiments.check.today import cell_of_today
from experiments.checkpoints import Training, is_stored
from experiments.data import Dataset, load_dataset
from experiments.determinism import deterministic, one_thread
from experiments.networks import training_of
from experiments.published import absence
from experiments.settings import ArchSettings, DatasetSettings, Machine
from experiments.training import epochs
from experiments.training_settings import TrainSettings
from tropnnc.errors import TropnncError

BATCHES = 10


class Networks:
    """The dense networks of committed cells, each looked at once."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._known: dict[str, Network] = {}
        self._obstacles: dict[str, str] = {}

    def of(self, drawn: Drawn) -> Network:
        """The network of ``drawn``; free where it is stored, published, or the row is stale."""
        checkpoint = drawn.row.checkpoint
        if checkpoint not in self._known:
            self._known[checkpoint] = self._look_at(drawn)
        return self._known[checkpoint]

    def _look_at(self, drawn: Drawn) -> Network:
        row = drawn.row
        label = f"{row.dataset} {row.arch} seed={row.seed}"
        obstacle = self._obstacle(row.dataset)
        if obstacle:
            return Network(label, math.inf, obstacle)
        cell = cell_of_today(drawn, self._machine)
        if isinstance(cell, str):
            return Network(label, 0.0)
        reason = absence(cell.arch, self._machine.runs_dir)
        if reason is not None:
            return Network(label, math.inf, reason)
        training = training_of(cell, self._machine)
        if training is None or is_stored(training, self._machine.runs_dir):
            return Network(label, 0.0)
        return Network(label, training_seconds(training))

    def _obstacle(self, dataset: str) -> str:
        """Why the data set is not to be had; asked once, since the answer may be a download."""
        if dataset not in self._obstacles:
            try:
                load_dataset(dataset, self._machine.data_dir)
                self._obstacles[dataset] = ""
            except TropnncError as error:
                self._obstacles[dataset] = str(error)
        return self._obstacles[dataset]


def training_seconds(training: Training) -> float:
    """An upper estimate: all epochs, at the speed of a few batches after a warm-up."""
    recipe, dataset = training.recipe, training.dataset
    speed = _seconds_per_image(training.arch, recipe, training.settings, dataset)
    return speed * len(dataset.train) * recipe.epochs


@cache
def _seconds_per_image(
    arch: ArchSettings, recipe: TrainSettings, settings: DatasetSettings, dataset: Dataset
) -> float:
    sample = dataset.train.take(torch.arange(min(len(dataset.train), BATCHES * recipe.batch)))
    short = replace(recipe, epochs=2, early_stopping=None)
    started = 0.0
    with deterministic(0), one_thread():
        order = torch.Generator().manual_seed(0)
        for epoch in epochs(build(arch), short, sample, settings, order, f"timing {arch.name}"):
            if epoch == 1:
                started = time.perf_counter()
    return (time.perf_counter() - started) / len(sample)
