"""What the cells on one dense network share: data, network, its test logits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import torch
from torch import Tensor, nn

from experiments.architectures import build
from experiments.checkpoints import Training, trained_network
from experiments.data import Dataset, load_dataset, normalise
from experiments.evaluation import Evaluation, evaluate, resolve_device
from experiments.identity import weights_hash
from experiments.networks import network_of
from experiments.published import absence, load_published
from experiments.rescaling import rescaled
from experiments.settings import (
    ArchSettings,
    CellSettings,
    DatasetSettings,
    Machine,
    Rescaling,
    TrainSettings,
)
from tropnnc.errors import TropnncError
from tropnnc.seeding import derive_seed
from tropnnc.unit import Pixels


@dataclass(frozen=True, eq=False)
class Bench:
    """A dense network on its data set; the network is shared and never modified."""

    settings: DatasetSettings
    dataset: Dataset
    model: nn.Module
    device: torch.device

    @cached_property
    def checkpoint(self) -> str:
        """Hash of the dense weights."""
        return weights_hash(self.model.state_dict())

    @cached_property
    def test_images(self) -> Tensor:
        """Normalised test images ``[N, C, H, W]``."""
        return normalise(self.dataset.test.images, self.settings)

    @cached_property
    def dense(self) -> Evaluation:
        """The dense network on the test images, evaluated once."""
        return self.evaluate(self.model)

    @cached_property
    def pixels(self) -> Pixels:
        """Statistics of the training pixels, in the units that the network sees."""
        return self.dataset.pixels(self.settings)

    def evaluate(self, model: nn.Module) -> Evaluation:
        """``model`` on the test images."""
        return evaluate(model, self.test_images, self.dataset.test.labels, self.device)

    def calibration(self, images: int, seed: int) -> Tensor:
        """``images`` normalised training images, the same for every method of a repetition."""
        generator = torch.Generator().manual_seed(derive_seed(seed, "calibration"))
        chosen = torch.randperm(len(self.dataset.train), generator=generator)[:images]
        return normalise(self.dataset.train.images[chosen], self.settings)


def open_bench(cell: CellSettings, machine: Machine) -> Bench:
    """Load or train the dense network of ``cell``; the last ones opened are kept."""
    bench = _open(*network_of(cell), machine)
    return bench if cell.rescaling is None else _rescaled(bench, cell.rescaling)


@lru_cache(maxsize=2)
def _rescaled(bench: Bench, rescaling: Rescaling) -> Bench:
    image = bench.test_images[:1].to(bench.device)
    return replace(bench, model=rescaled(bench.model, image, rescaling))


@lru_cache(maxsize=2)
def _open(
    settings: DatasetSettings,
    arch: ArchSettings,
    recipe: TrainSettings | None,
    seed: int,
    machine: Machine,
) -> Bench:
    dataset = load_dataset(settings.name, machine.data_dir)
    device = resolve_device(machine.device)
    if recipe is None:
        model = _published(arch, machine)
    else:
        training = Training(arch, recipe, dataset, settings, seed)
        model = trained_network(training, device, machine.runs_dir)
    return Bench(settings, dataset, model.eval().to(device), device)


def _published(arch: ArchSettings, machine: Machine) -> nn.Module:
    model = build(arch)
    load_published(model, arch, machine.runs_dir)
    return model


def check_inputs(cell: CellSettings, machine: Machine) -> None:
    """Find out now what would fail later: data, calibration images, published weights.

    Raises:
        TropnncError: in one line, what is wrong and what is accepted.
    """
    train = load_dataset(cell.dataset.name, machine.data_dir).train
    channels = train.images.shape[1]
    for key, value in (("mean", cell.dataset.mean), ("std", cell.dataset.std)):
        if len(value) != channels:
            raise TropnncError(f"dataset.{key} has {len(value)} entries, {channels} are accepted")
    if cell.calibration_images > len(train):
        raise TropnncError(
            f"calibration.images = {cell.calibration_images} is not accepted;"
            f" {cell.dataset.name} has {len(train)} training images"
        )
    if cell.arch.checkpoint is not None and absence(cell.arch, machine.runs_dir) is None:
        open_bench(cell, machine)
