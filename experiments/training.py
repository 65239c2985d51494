"""Training from scratch: fixed epochs, last epoch, the test images never seen."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, OneCycleLR
from tqdm import tqdm

from experiments.architectures import build
from experiments.data import Dataset, Split, normalise
from experiments.determinism import deterministic, one_thread
from experiments.settings import ArchSettings, DatasetSettings, TrainSettings
from tropnnc.seeding import derive_seed

# Bumped by hand whenever the same recipe gives other weights.
TRAINING_VERSION = 1


def train_network(
    arch: ArchSettings,
    recipe: TrainSettings,
    dataset: Dataset,
    settings: DatasetSettings,
    seed: int,
    device: torch.device,
) -> nn.Module:
    """A network trained on ``dataset.train``, in evaluation mode.

    Initial weights and data order depend on ``seed`` alone, so that architectures and recipes
    of one repetition see the same order.
    """
    with deterministic(derive_seed(seed, "initialisation")), one_thread():
        model = build(arch).to(device).train()
        order = torch.Generator().manual_seed(derive_seed(seed, "data order"))
        _fit(model, recipe, dataset.train, settings, order, f"training {arch.name} seed {seed}")
    return model.eval()


def _fit(
    model: nn.Module,
    recipe: TrainSettings,
    split: Split,
    settings: DatasetSettings,
    order: torch.Generator,
    label: str,
) -> None:
    device = next(model.parameters()).device
    optimizer = _optimizer(model, recipe)
    steps = -(-len(split) // recipe.batch)
    schedule = _schedule(optimizer, recipe, steps * recipe.epochs)
    for _ in tqdm(range(recipe.epochs), label, unit="epoch", leave=False, disable=None):
        for batch in _batches(split, recipe, order):
            images = normalise(batch.images, settings).to(device)
            loss = F.cross_entropy(
                model(images), batch.labels.to(device), label_smoothing=recipe.label_smoothing
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()


def _optimizer(model: nn.Module, recipe: TrainSettings) -> optim.Optimizer:
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return optim.SGD(model.parameters(), rate, momentum=0.9, nesterov=True, weight_decay=decay)
    return optim.AdamW(model.parameters(), rate, weight_decay=decay)


def _schedule(optimizer: optim.Optimizer, recipe: TrainSettings, steps: int) -> LRScheduler:
    if recipe.schedule == "one_cycle":
        return OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
    return CosineAnnealingLR(optimizer, steps)


def _batches(split: Split, recipe: TrainSettings, order: torch.Generator) -> Iterator[Split]:
    for indices in torch.randperm(len(split), generator=order).split(recipe.batch):
        batch = split.take(indices)
        yield Split(shifted(batch.images, recipe.shift, order), batch.labels)


def shifted(images: Tensor, reach: int, generator: torch.Generator) -> Tensor:
    """Every image moved by its own random offset of at most ``reach`` pixels, filled with 0."""
    if reach == 0:
        return images
    count, _, height, width = images.shape
    padded = F.pad(images, (reach,) * 4).movedim(1, -1)
    offsets = torch.randint(0, 2 * reach + 1, (2, count, 1), generator=generator)
    rows, columns = offsets[0] + torch.arange(height), offsets[1] + torch.arange(width)
    examples = torch.arange(count).view(-1, 1, 1)
    return padded[examples, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
