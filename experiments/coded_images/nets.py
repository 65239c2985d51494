"""The shared networks of COIN++: trained once, kept on disk, killed and gone on with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from baselines.coin import COIN_VERSION, MetaTrainer, ModulatedSiren, pack, unpack
from experiments.coded_images.settings import CoinSettings
from experiments.console import say
from experiments.damage import set_aside
from experiments.data import Dataset
from experiments.determinism import deterministic
from experiments.evaluation import resolve_device
from experiments.identity import digest
from experiments.locks import lock
from experiments.resuming import Snapshot
from experiments.settings import Machine
from experiments.training_progress import TrainingProgress
from tropnnc.checked_state import read_state, write_state
from tropnnc.errors import TropnncError
from tropnnc.seeding import derive_seed

# Steps between two states on disk, and between two lines of output.
EPOCH = 200


@dataclass(frozen=True, eq=False)
class CoinNet:
    """A shared network as decoders have it.

    Attributes:
        model: read back from ``stored``.
        stored: its float32 bytes.
        identity: of settings and data.
        seconds: of the training.
        device: that it is on.
    """

    model: ModulatedSiren
    stored: bytes
    identity: str
    seconds: float
    device: torch.device


def coin_net(settings: CoinSettings, dataset: Dataset, machine: Machine) -> CoinNet:
    """The network of ``settings``: read, or trained on the training images of ``dataset``.

    One process at a time trains it, and goes on from where a killed one stopped.
    """
    identity = net_identity(settings, dataset)
    runs = machine.runs_dir / "coded_images"
    path, device = runs / "nets" / f"{identity}.pt", resolve_device(machine.device)
    with lock(runs, identity):
        state = _read(path)
        if state is None:
            snapshot = Snapshot(path.with_suffix(".part"))
            model = _trained(settings, dataset, snapshot, device)
            state = {"bytes": pack(model.state_dict()), "seconds": round(snapshot.seconds, 1)}
            write_state(path, state)
            snapshot.discard()
    model = ModulatedSiren(settings.shape)
    model.load_state_dict(unpack(state["bytes"], model.state_dict()))
    return CoinNet(model.to(device), state["bytes"], identity, state["seconds"], device)


def net_identity(settings: CoinSettings, dataset: Dataset) -> str:
    """Hash of what determines the weights."""
    parts = {"coin": settings.determinants(), "data": dataset.fingerprint, "version": COIN_VERSION}
    return digest(parts)


def _trained(
    settings: CoinSettings, dataset: Dataset, snapshot: Snapshot, device: torch.device
) -> ModulatedSiren:
    training, seed = settings.training, derive_seed(settings.seed, "coin")
    epochs = -(-training.steps // EPOCH)
    label = f"COIN++ on {dataset.name}, {training.steps} steps"
    with deterministic(seed):
        model = ModulatedSiren(settings.shape).to(device)
        images = _images(dataset, settings)
        trainer = MetaTrainer(model, training, images, settings.patch, seed)
        parts = {"model": model, "optimizer": trainer.optimizer}
        done = snapshot.restore(parts, trainer.generator)
        progress = TrainingProgress(label, epochs, EPOCH * training.batch, done)
        for epoch in range(done, epochs):
            for step in range(epoch * EPOCH, min(training.steps, (epoch + 1) * EPOCH)):
                _check(trainer.step(step), step)
                progress.step(training.batch)
            snapshot.save(epoch + 1, parts, trainer.generator)
            progress.end_epoch(epoch + 1)
        progress.close()
    return model


def _images(dataset: Dataset, settings: CoinSettings) -> Tensor:
    images = dataset.train.images
    if images.shape[1] != settings.shape.channels:
        raise TropnncError(
            f"coin.shape.channels = {settings.shape.channels} is not accepted with {dataset.name};"
            f" {images.shape[1]} is"
        )
    return images


def _check(error: float, step: int) -> None:
    if not error < float("inf"):
        raise TropnncError(f"COIN++: the error is {error} at step {step}; a smaller rate is needed")


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return read_state(path)
    except TropnncError:
        set_aside(path, path.parent.parent / "damaged", "its content and its sha256 differ")
        say(f"{path}: trained again")
        return None
