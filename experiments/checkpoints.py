"""Trained networks on disk, one file of weights and one of facts per identity."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from experiments.architectures import build
from experiments.damage import set_aside
from experiments.data import Dataset, normalise
from experiments.evaluation import evaluate
from experiments.identity import digest
from experiments.locks import lock
from experiments.settings import ArchSettings, DatasetSettings, TrainSettings
from experiments.training import TRAINING_VERSION, train_network
from tropnnc.files import write_atomic


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
                "dataset": asdict(self.settings),
                "data": self.dataset.fingerprint,
                "seed": self.seed,
                "version": TRAINING_VERSION,
            }
        )


def trained_network(training: Training, device: torch.device, runs_dir: Path) -> nn.Module:
    """The network from ``runs_dir``, or trained now and put there, by one process at a time."""
    model = stored_network(training, runs_dir)
    if model is not None:
        return model
    with lock(runs_dir, training.identity):
        model = stored_network(training, runs_dir)
        return _train(training, device, runs_dir) if model is None else model


def stored_network(training: Training, runs_dir: Path) -> nn.Module | None:
    """The network from ``runs_dir``; None where it is absent, or damaged and set aside."""
    state = _read(checkpoint_files(training, runs_dir), runs_dir / "damaged")
    if state is None:
        return None
    model = build(training.arch)
    model.load_state_dict(state)
    return model.eval()


def is_stored(training: Training, runs_dir: Path) -> bool:
    """Whether the files are there, whole or damaged."""
    return all(path.exists() for path in checkpoint_files(training, runs_dir))


def checkpoint_files(training: Training, runs_dir: Path) -> tuple[Path, Path]:
    """Weights and facts of a trained network, there or not."""
    folder = runs_dir / "checkpoints"
    return folder / f"{training.identity}.safetensors", folder / f"{training.identity}.json"


def _train(training: Training, device: torch.device, runs_dir: Path) -> nn.Module:
    arch, recipe, seed = training.arch, training.recipe, training.seed
    dataset, settings = training.dataset, training.settings
    started = time.perf_counter()
    model = train_network(arch, recipe, dataset, settings, seed, device).cpu()
    seconds = round(time.perf_counter() - started, 4)
    images = normalise(dataset.validation.images, settings)
    validation = evaluate(model, images, dataset.validation.labels, torch.device("cpu"))
    facts = {
        "dataset": dataset.name,
        "arch": arch.name,
        "seed": seed,
        "train": recipe.determinants(),
        "validation": {"correct": validation.correct, "total": len(dataset.validation)},
        "timing": {"train_seconds": seconds},
    }
    _write(checkpoint_files(training, runs_dir), model.state_dict(), facts)
    return model


def _read(files: tuple[Path, Path], damaged: Path) -> dict[str, Tensor] | None:
    """The weights, or None where they are absent or do not have the hash in their facts."""
    try:
        blob, facts = (path.read_bytes() for path in files)
    except FileNotFoundError:  # one without the other was never finished
        return None
    if _recorded_hash(facts) == hashlib.sha256(blob).hexdigest():
        return safetensors.torch.load(blob)
    for path in files:
        set_aside(path, damaged, "weights and the sha256 in their facts differ")
    return None


def _recorded_hash(facts: bytes) -> str | None:
    try:
        return json.loads(facts)["sha256"]
    except (ValueError, KeyError, TypeError):
        return None


def _write(files: tuple[Path, Path], state: dict[str, Tensor], facts: dict[str, Any]) -> None:
    blob = safetensors.torch.save({name: value.contiguous() for name, value in state.items()})
    facts = {**facts, "sha256": hashlib.sha256(blob).hexdigest()}
    # The facts hold the hash: written last, they make the pair valid.
    for path, content in zip(files, (blob, json.dumps(facts, indent=1).encode()), strict=True):
        write_atomic(path, content)
