"""Training from scratch: the last epoch or early stopping, the test images never seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, nullcontext

import torch
from torch import Tensor, nn

from experiments.architectures import build
from experiments.augmentation import batches
from experiments.data import Dataset, Examples, Split, normalise
from experiments.determinism import deterministic, one_thread
from experiments.early_stopping import Stopper, hold_back
from experiments.goals import Goal, Labels
from experiments.optimising import make_optimizer, make_schedule
from experiments.processes import ALONE, Processes, parts
from experiments.resuming import Snapshot, Stateful
from experiments.settings import ArchSettings, DatasetSettings
from experiments.training_progress import TrainingProgress
from experiments.training_settings import TrainSettings
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
    snapshot: Snapshot | None = None,
) -> nn.Module:
    """A network trained on ``dataset.train``, in evaluation mode.

    Initial weights and data order depend on ``seed`` alone, so that architectures and recipes
    of one repetition see the same order. With a ``snapshot`` a training that was killed goes on
    from its last epoch, to the same weights.
    """
    with deterministic(derive_seed(seed, "initialisation")), one_thread():
        model = build(arch).to(device)
        order = torch.Generator().manual_seed(derive_seed(seed, "data order"))
        label = f"training {arch.name} seed {seed}"
        if recipe.early_stopping is None:
            for _ in epochs(model, recipe, dataset.train, settings, order, label, snapshot):
                pass
        else:
            _fit_and_stop(model, recipe, dataset.train, settings, order, label, snapshot)
    _lay_out(model, torch.contiguous_format)  # as it is read from its file
    return model.eval()


def epochs(
    model: nn.Module,
    recipe: TrainSettings,
    split: Examples,
    settings: DatasetSettings,
    order: torch.Generator,
    label: str,
    snapshot: Snapshot | None = None,
    processes: Processes = ALONE,
    goal: Goal | None = None,
    **watching: Stateful,
) -> Iterator[int]:
    """Train ``model`` on ``split``; yields the number of epochs done after each of them.

    ``snapshot`` keeps the state after each epoch, with that of everything ``watching``. Several
    ``processes`` take the same steps, each computing its part of a batch. Without another ``goal``
    it learns the labels.
    """
    goal = goal or Labels(recipe.label_smoothing)
    if recipe.channels_last:
        _lay_out(model, torch.channels_last)
    optimizer = make_optimizer(model, recipe)
    own_parts = parts(len(split), recipe.batch, processes)
    schedule = make_schedule(optimizer, recipe, len(own_parts) * recipe.epochs)
    own: dict[str, Stateful] = {"model": model, "optimizer": optimizer, "schedule": schedule}
    states = {**own, **watching}
    done = 0 if snapshot is None else snapshot.restore(states, order, processes)
    network = processes.averaging(model)
    shown = processes.rank == 0
    with closing(TrainingProgress(label, recipe.epochs, len(split), done, shown)) as progress:
        for epoch in range(done + 1, recipe.epochs + 1):
            goal.begin(network)
            of_epoch = batches(split, recipe, order, processes)
            for batch, part in zip(of_epoch, own_parts, strict=True):
                loss = part.weight * _loss(network, batch, recipe, settings, goal)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                progress.step(part.whole)
            processes.align(model)
            progress.end_epoch(epoch)
            yield epoch
            if snapshot is not None:  # now all who watch have seen the epoch
                snapshot.save(epoch, states, order, processes)


def _fit_and_stop(
    model: nn.Module,
    recipe: TrainSettings,
    split: Examples,
    settings: DatasetSettings,
    order: torch.Generator,
    label: str,
    snapshot: Snapshot | None,
) -> None:
    assert recipe.early_stopping is not None
    held, rest = hold_back(split, recipe.early_stopping.share, order)
    stopper = Stopper(recipe.early_stopping.patience, held, settings)
    for _ in epochs(model, recipe, rest, settings, order, label, snapshot, stopper=stopper):
        if stopper.done(model):
            break
    stopper.restore(model)


def _loss(
    model: nn.Module, batch: Split, recipe: TrainSettings, settings: DatasetSettings, goal: Goal
) -> Tensor:
    device = next(model.parameters()).device
    images = goal.inputs(normalise(batch.images, settings))
    if recipe.channels_last:
        images = images.contiguous(memory_format=torch.channels_last)
    images = images.to(device)
    with _precision(recipe, device):
        logits = model(images)
    return goal.loss(logits.float(), images, batch.labels.to(device))


def _precision(recipe: TrainSettings, device: torch.device) -> AbstractContextManager[object]:
    if recipe.precision is None:
        return nullcontext()
    return torch.autocast(device.type, torch.bfloat16)


def _lay_out(model: nn.Module, memory_format: torch.memory_format) -> None:
    """Store the weights in ``memory_format``."""
    model.to(memory_format=memory_format)  # pyright: ignore[reportCallIssue]  (not in torch's stubs)
