"""Training from scratch: the last epoch or early stopping, the test images never seen."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn, optim
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR
from tqdm import tqdm

from experiments.architectures import build
from experiments.data import Dataset, Split, normalise
from experiments.determinism import deterministic, one_thread
from experiments.early_stopping import Stopper, hold_back
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
        model = build(arch).to(device)
        order = torch.Generator().manual_seed(derive_seed(seed, "data order"))
        label = f"training {arch.name} seed {seed}"
        if recipe.early_stopping is None:
            for _ in epochs(model, recipe, dataset.train, settings, order, label):
                pass
        else:
            _fit_and_stop(model, recipe, dataset.train, settings, order, label)
    return model.eval()


def epochs(
    model: nn.Module,
    recipe: TrainSettings,
    split: Split,
    settings: DatasetSettings,
    order: torch.Generator,
    label: str,
) -> Iterator[int]:
    """Train ``model`` on ``split``; yields the number of epochs done after each of them."""
    device = next(model.parameters()).device
    optimizer = _optimizer(model, recipe)
    steps = -(-len(split) // recipe.batch)
    schedule = _schedule(optimizer, recipe, steps * recipe.epochs)
    for epoch in tqdm(range(recipe.epochs), label, unit="epoch", leave=False, disable=None):
        model.train()
        for batch in _batches(split, recipe, order):
            images = normalise(batch.images, settings).to(device)
            loss = F.cross_entropy(
                model(images), batch.labels.to(device), label_smoothing=recipe.label_smoothing
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        yield epoch + 1


def _fit_and_stop(
    model: nn.Module,
    recipe: TrainSettings,
    split: Split,
    settings: DatasetSettings,
    order: torch.Generator,
    label: str,
) -> None:
    assert recipe.early_stopping is not None
    held, rest = hold_back(split, recipe.early_stopping.share, order)
    stopper = Stopper(recipe.early_stopping.patience, held, settings)
    for _ in epochs(model, recipe, rest, settings, order, label):
        if stopper.done(model):
            break
    stopper.restore(model)


def _optimizer(model: nn.Module, recipe: TrainSettings) -> optim.Optimizer:
    rate, decay = recipe.learning_rate, recipe.weight_decay
    if recipe.optimizer == "sgd":
        return optim.SGD(model.parameters(), rate, momentum=0.9, nesterov=True, weight_decay=decay)
    return optim.AdamW(model.parameters(), rate, weight_decay=decay)


def _schedule(optimizer: optim.Optimizer, recipe: TrainSettings, steps: int) -> LRScheduler:
    if recipe.schedule == "one_cycle":
        return OneCycleLR(optimizer, recipe.learning_rate, total_steps=steps)
    if recipe.schedule == "cosine":
        return CosineAnnealingLR(optimizer, steps)
    return ConstantLR(optimizer, factor=1.0)


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
