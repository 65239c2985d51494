"""Trained networks on disk, by what determines them.

Those in ``results/checkpoints`` are committed, named by data set, architecture and seed. Such a
file stands for a training as long as its facts have that training's identity; all other networks
are in ``runs_dir``, named by identity.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from torch import nn

from experiments.architectures import build
from experiments.console import say
from experiments.damage import set_aside
from experiments.data import Dataset, normalise
from experiments.evaluation import evaluate
from experiments.identity import digest
from experiments.locks import lock
from experiments.network_files import (
    DamagedFiles,
    Files,
    in_float16,
    read_facts,
    read_weights,
    write_network,
)
from experiments.resuming import Snapshot
from experiments.settings import ArchSettings, DatasetSettings
from experiments.training import TRAINING_VERSION, train_network
from experiments.training_settings import TrainSettings
from tropnnc.errors import TropnncError

COMMITTED = Path(__file__).parents[1] / "results" / "checkpoints"


@dataclass(frozen=True, eq=False)
class Training:
    """What determines a trained network."""

    arch: ArchSettings
    recipe: TrainSettings
    dataset: Dataset
    settings: DatasetSettings
    seed: int

    @cached_property
    def identity(self) -> str:
        """Hash of it all."""
        return digest(
            {
                "arch": {"name": self.arch.name, **dict(self.arch.options)},
                "train": self.recipe.determinants(),
                "dataset": self.settings.determinants(),
                "data": self.dataset.fingerprint,
                "seed": self.seed,
                "version": TRAINING_VERSION,
            }
        )


def trained_network(training: Training, device: torch.device, runs_dir: Path) -> nn.Module:
    """The network from disk, or trained now and put there, by one process at a time."""
    model = stored_network(training, runs_dir)
    if model is not None:
        return model
    with lock(runs_dir, training.identity):
        model = stored_network(training, runs_dir)
        return _train(training, device, runs_dir) if model is None else model


def stored_network(training: Training, runs_dir: Path) -> nn.Module | None:
    """The network from disk; None where it is absent, or damaged and set aside.

    Raises:
        TropnncError: it is committed and damaged; no other network takes its place.
    """
    files = checkpoint_files(training, runs_dir)
    try:
        state = read_weights(files)
    except DamagedFiles as error:
        if files == committed_files(training):
            raise TropnncError(f"{error}; git checkout {files[0]} {files[1]}") from None
        for path in files:
            set_aside(path, runs_dir / "damaged", "weights and the sha256 in their facts differ")
        return None
    if state is None:
        return None
    model = build(training.arch)
    model.load_state_dict(state)
    return model.eval()


def is_stored(training: Training, runs_dir: Path) -> bool:
    """Whether the files are there, whole or damaged."""
    return all(path.exists() for path in checkpoint_files(training, runs_dir))


def checkpoint_files(training: Training, runs_dir: Path) -> Files:
    """Weights and facts of a trained network, there or not."""
    committed = committed_files(training)
    if committed[0].exists() and read_facts(committed[1]).get("identity") == training.identity:
        return committed
    folder = runs_dir / "checkpoints"
    return folder / f"{training.identity}.safetensors", folder / f"{training.identity}.json"


def committed_files(training: Training) -> Files:
    """Where weights and facts are committed, of this recipe or of an older one."""
    stem = f"{training.dataset.name}_{training.arch.name}_seed{training.seed}"
    return COMMITTED / f"{stem}.safetensors", COMMITTED / f"{stem}.json"


def _train(training: Training, device: torch.device, runs_dir: Path) -> nn.Module:
    outdated = committed_files(training)[1]
    if outdated.exists():
        say(f"{outdated}: not of this recipe, data and version; training")
    snapshot = Snapshot(runs_dir / "trainings" / training.identity)
    arch, recipe, seed = training.arch, training.recipe, training.seed
    dataset, settings = training.dataset, training.settings
    model = train_network(arch, recipe, dataset, settings, seed, device, snapshot).cpu()
    facts: dict[str, Any] = {
        "dataset": dataset.name,
        "arch": arch.name,
        "seed": seed,
        "train": recipe.determinants(),
    }
    state = model.state_dict()
    if recipe.storage is not None:
        facts["validation_unrounded"] = _validation(model, training)
        state = in_float16(state)
        model.load_state_dict(state)
    facts["validation"] = _validation(model, training)
    facts["timing"] = {"train_seconds": round(snapshot.seconds, 4)}
    write_network(checkpoint_files(training, runs_dir), state, facts)
    snapshot.discard()
    return model


def _validation(model: nn.Module, training: Training) -> dict[str, int]:
    split = training.dataset.validation
    images = normalise(split.images, training.settings)
    evaluation = evaluate(model, images, split.labels, torch.device("cpu"))
    return {"correct": evaluation.correct, "total": len(split)}
