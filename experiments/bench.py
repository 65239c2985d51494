"""What the cells on one dense network share: data, network, its test logits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import torch
from torch import Tensor, nn

from experiments.architectures import build
from experiments.checkpoints import Training, trained_network
from experiments.data import Dataset, Examples, normalise, open_dataset
from experiments.data.files import as_files
from experiments.determinism import full_float32
from experiments.evaluation import (
    Evaluation,
    batch_size,
    batches,
    evaluate,
    evaluate_batches,
    laid_out,
    resolve_device,
)
from experiments.identity import weights_hash
from experiments.networks import network_of
from experiments.processes import ALONE, Processes, share
from experiments.published import absence, load_published
from experiments.rescaling import rescaled
from experiments.settings import (
    ArchSettings,
    CellSettings,
    DatasetSettings,
    Machine,
    Rescaling,
    TestSplit,
)
from experiments.training_settings import TrainSettings
from experiments.trunk import Batches, Cut, rest_behind, run_to, shared_cut
from tropnnc.errors import TropnncError
from tropnnc.seeding import derive_seed
from tropnnc.unit import Pixels

# Normalised test images are kept up to so many values (512 MiB); others are made batch by batch,
# each time: 50,000 of 3×224×224 would take 28 GiB.
KEPT = 1 << 27


@dataclass(frozen=True, eq=False)
class Bench:
    """A dense network on its data set; the network is shared and never modified."""

    settings: DatasetSettings
    dataset: Dataset
    model: nn.Module
    device: torch.device
    test_images_limit: int = 0
    test_split: TestSplit = "test"

    @cached_property
    def checkpoint(self) -> str:
        """Hash of the dense weights."""
        return weights_hash(self.model.state_dict())

    @cached_property
    def test(self) -> Examples:
        """The split that is tested on, or as many evenly spaced images of it as the limit says."""
        whole, limit = getattr(self.dataset, self.test_split), self.test_images_limit
        return whole.take(torch.arange(limit) * len(whole) // limit) if limit else whole

    @cached_property
    def test_images(self) -> Tensor:
        """Normalised test images ``[N, C, H, W]``, all at once."""
        return self._seen(self.test.images)

    @cached_property
    def example(self) -> Tensor:
        """The first of them, on the device."""
        return self.first(1)

    def first(self, images: int) -> Tensor:
        """The first ``images`` of them, on the device."""
        few = self.test.take(torch.arange(images))
        return self._seen(few.images).to(self.device)

    @cached_property
    def dense(self) -> Evaluation:
        """The dense network on the test images, evaluated once."""
        return self._evaluated(self.model, self._batches())

    @cached_property
    def pixels(self) -> Pixels:
        """Statistics of the training pixels, in the units that the network sees."""
        return self.dataset.pixels(self.settings)

    def evaluate(self, model: nn.Module, processes: Processes = ALONE) -> Evaluation:
        """``model`` on the test images.

        What it shares with the dense network is computed once; several ``processes`` share the
        batches instead, to the same bits.
        """
        alone = processes.size == 1
        cut = shared_cut(self.model, model, self.example) if alone and self._is_kept else None
        if cut is None:
            return self._evaluated(model, self._batches(processes), processes)
        return self._evaluated(rest_behind(model, cut), self._features(cut))

    def validate(self, model: nn.Module, processes: Processes = ALONE) -> Evaluation:
        """``model`` on the validation images."""
        images = self._seen(self.dataset.validation.images)
        return evaluate(model, images, self.dataset.validation.labels, self.device, processes)

    def _evaluated(
        self, model: nn.Module, inputs: Iterable[Tensor], processes: Processes = ALONE
    ) -> Evaluation:
        labels, top5 = self.test.labels, self.dataset.top5
        return evaluate_batches(model, inputs, labels, self.device, top5, processes)

    def _batches(self, processes: Processes = ALONE) -> Iterable[Tensor]:
        """The test images or this process's share, made anew each time where they are many."""
        if self._is_kept:
            kept = batches(self.test_images)
            return kept[share(len(kept), processes)]
        chunks = torch.arange(len(self.test)).split(batch_size(self.test.shape))
        return map(self._seen, self.test.read(chunks[share(len(chunks), processes)]))

    @property
    def _is_kept(self) -> bool:
        return len(self.test) * math.prod(self.test.shape) <= KEPT

    def _seen(self, images: Tensor) -> Tensor:
        """``images`` as the networks see them."""
        return laid_out(normalise(images, self.settings))

    def _features(self, cut: Cut) -> Batches:
        """Of the test images in the dense network, kept for the last cut."""
        if cut not in self._kept:
            self._kept.clear()
            images = (batch.to(self.device) for batch in batches(self.test_images))
            self._kept[cut] = run_to(self.model, cut, images)
        return self._kept[cut]

    @cached_property
    def _kept(self) -> dict[Cut, Batches]:
        return {}

    def calibration(self, images: int, seed: int) -> Tensor:
        """``images`` normalised training images, the same for every method of a repetition."""
        return self._seen(self.training_images(images, seed).images)

    def training_images(self, images: int, seed: int) -> Examples:
        """The same ``images`` as they are in the data set."""
        return _chosen(self.dataset.train, images, seed)


@lru_cache(maxsize=1)
def _chosen(train: Examples, images: int, seed: int) -> Examples:
    """Kept for the cells that follow: image files are decoded once."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "calibration"))
    return train.take(torch.randperm(len(train), generator=generator)[:images])


def open_bench(cell: CellSettings, machine: Machine) -> Bench:
    """Load or train the dense network of ``cell``; the last ones opened are kept."""
    bench = _open(*network_of(cell), machine)
    if cell.test_images or cell.test_split != "test":
        bench = _limited(bench, cell.test_images, cell.test_split)
    return bench if cell.rescaling is None else _rescaled(bench, cell.rescaling)


@lru_cache(maxsize=2)
def _limited(bench: Bench, images: int, split: TestSplit) -> Bench:
    return replace(bench, test_images_limit=images, test_split=split)


@lru_cache(maxsize=2)
def _rescaled(bench: Bench, rescaling: Rescaling) -> Bench:
    return replace(bench, model=rescaled(bench.model, bench.example, rescaling))


@lru_cache(maxsize=2)
def _open(
    settings: DatasetSettings,
    arch: ArchSettings,
    recipe: TrainSettings | None,
    seed: int,
    machine: Machine,
) -> Bench:
    device = _device(machine)
    if recipe is None:
        model = _published(arch, machine)
    else:
        training = Training(arch, recipe, open_dataset(settings, machine), settings, seed)
        model = trained_network(training, device, machine.runs_dir)
    return bench_of(model, settings, machine)


def bench_of(
    model: nn.Module,
    settings: DatasetSettings,
    machine: Machine,
    test_images: int = 0,
    test_split: TestSplit = "test",
) -> Bench:
    """The dense network ``model`` on its data set, on the device of ``machine``."""
    device = _device(machine)
    dataset = open_dataset(settings, machine)
    return Bench(settings, dataset, model.eval().to(device), device, test_images, test_split)


def _device(machine: Machine) -> torch.device:
    device = resolve_device(machine.device)
    if device.type == "cuda":
        full_float32()
    return device


def _published(arch: ArchSettings, machine: Machine) -> nn.Module:
    model = build(arch)
    load_published(model, arch, machine.runs_dir)
    return model


def check_inputs(cell: CellSettings, machine: Machine) -> None:
    """Find out now what would fail later: data, calibration images, published weights.

    Raises:
        TropnncError: in one line, what is wrong and what is accepted.
    """
    dataset = open_dataset(cell.dataset, machine)
    train, test = dataset.train, dataset.test
    channels = test.shape[0]
    for key, value in (("mean", cell.dataset.mean), ("std", cell.dataset.std)):
        if len(value) != channels:
            raise TropnncError(f"dataset.{key} has {len(value)} entries, {channels} are accepted")
    for key, count in _chosen_images(cell):
        if len(train) and count > len(train):
            raise TropnncError(
                f"{key} = {count} is not accepted;"
                f" {cell.dataset.name} has {len(train)} training images"
            )
    tested = getattr(dataset, cell.test_split)
    if not max(1, cell.test_images) <= len(tested):
        raise TropnncError(
            f"test.images = {cell.test_images} is not accepted;"
            f" {cell.dataset.name} has {len(tested)} {cell.test_split} images"
        )
    for recipe in cell.recipes:
        if recipe.crop is not None:
            as_files(train, recipe.crop)
    if cell.arch.checkpoint is not None and absence(cell.arch, machine.runs_dir) is None:
        open_bench(cell, machine)


def _chosen_images(cell: CellSettings) -> Iterator[tuple[str, int]]:
    """Numbers of training images that a cell asks for, by their keys."""
    yield "calibration.images", cell.calibration_images
    tuning = cell.finetuning
    if tuning is not None:
        yield "finetune.images", tuning.images
    if tuning is not None and tuning.distillation is not None and not tuning.is_image_free:
        yield "finetune.distil.count", tuning.distillation.count
