"""Trained networks on disk, one file of weights and one of facts per identity."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from experiments.architectures import build
from experiments.console import say
from experiments.data import Dataset, normalise
from experiments.evaluation import evaluate
from experiments.identity import digest
from experiments.settings import ArchSettings, DatasetSettings, TrainSettings
from experiments.training import TRAINING_VERSION, train_network
from tropnnc.files import write_atomic


def training_identity(
    arch: ArchSettings,
    recipe: TrainSettings,
    settings: DatasetSettings,
    fingerprint: str,
    seed: int,
) -> str:
    """Hash of what determines a trained network."""
    return digest(
        {
            "arch": {"name": arch.name, **dict(arch.options)},
            "train": asdict(recipe),
            "dataset": asdict(settings),
            "data": fingerprint,
            "seed": seed,
            "version": TRAINING_VERSION,
        }
    )


def trained_network(
    arch: ArchSettings,
    recipe: TrainSettings,
    dataset: Dataset,
    settings: DatasetSettings,
    seed: int,
    device: torch.device,
    folder: Path,
) -> nn.Module:
    """The network from ``folder``, or trained now and put there; a damaged file is trained anew."""
    path = folder / training_identity(arch, recipe, settings, dataset.fingerprint, seed)
    state = _read(path)
    if state is not None:
        model = build(arch)
        model.load_state_dict(state)
        return model.eval()
    model = train_network(arch, recipe, dataset, settings, seed, device).cpu()
    images = normalise(dataset.validation.images, settings)
    validation = evaluate(model, images, dataset.validation.labels, torch.device("cpu"))
    facts = {
        "arch": arch.name,
        "seed": seed,
        "train": asdict(recipe),
        "validation": {"correct": validation.correct, "total": len(dataset.validation)},
    }
    _write(path, model.state_dict(), facts)
    return model


def _read(path: Path) -> dict[str, Tensor] | None:
    """The weights, or None where a file is absent or does not have the hash it was written with."""
    try:
        facts = json.loads(path.with_suffix(".json").read_text())
        blob = path.with_suffix(".safetensors").read_bytes()
    except (OSError, ValueError):
        return None
    if hashlib.sha256(blob).hexdigest() != facts.get("sha256"):
        say(f"{path.with_suffix('.safetensors')}: damaged (its sha256 differs); trained anew")
        return None
    return safetensors.torch.load(blob)


def _write(path: Path, state: dict[str, Tensor], facts: dict[str, Any]) -> None:
    blob = safetensors.torch.save({name: value.contiguous() for name, value in state.items()})
    facts = {**facts, "sha256": hashlib.sha256(blob).hexdigest()}
    # The facts hold the hash: written last, they make the pair valid.
    write_atomic(path.with_suffix(".safetensors"), blob)
    write_atomic(path.with_suffix(".json"), (json.dumps(facts, indent=1) + "\n").encode())
