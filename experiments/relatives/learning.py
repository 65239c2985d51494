"""Training after everything else: as many steps, on the same images in the same order, for all.

SGD with Nesterov momentum, no weight decay, no augmentation. Modules with another shape in training
(:class:`~baselines.rewriters.protocol.Learnable`) take it and give the stored form back; masks,
codebooks, patterns and grids are theirs to keep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn

from baselines.rewriters.annealing import anneal
from baselines.rewriters.network import learners, settled
from experiments.bench import Bench
from experiments.data import Examples
from experiments.determinism import deterministic, one_thread
from experiments.goals import Labels
from experiments.training import epochs
from experiments.training_settings import TrainSettings
from tropnnc.seeding import derive_seed

# Bumped by hand whenever the same steps give other weights.
LEARNING_VERSION = 1
BATCH, RATE = 128, 0.001
Watch = Callable[[nn.Module], None]
RECIPE = TrainSettings(
    optimizer="sgd",
    learning_rate=RATE,
    schedule="constant",
    epochs=1,
    batch=BATCH,
    label_smoothing=0.0,
    weight_decay=0.0,
    shift=0,
)


def trained(
    model: nn.Module,
    bench: Bench,
    steps: int,
    draw: int,
    rate: float = RATE,
    watch: Watch | None = None,
) -> nn.Module:
    """A copy of ``model``, stored as it is, after ``steps`` steps; in evaluation mode.

    The images and their order depend on ``draw`` and ``steps`` alone. ``watch`` is called before
    every step with the copy as it trains.
    """
    model = learners(model)
    seed = derive_seed(draw, "relatives training")
    goal = Progress(model, steps, watch)
    with deterministic(seed), one_thread():
        order = torch.Generator().manual_seed(seed)
        split = shown(bench.dataset.train, steps, order)
        done = epochs(
            model, recipe_at(rate), split, bench.settings, order, "fine-tuning", goal=goal
        )
        list(done)
        return settled(model).eval()


def recipe_at(rate: float) -> TrainSettings:
    """The recipe at a learning rate."""
    return replace(RECIPE, learning_rate=rate)


def shown(train: Examples, steps: int, order: torch.Generator) -> Examples:
    """``steps`` batches of training images; none comes again before all were seen."""
    wanted = steps * BATCH
    rounds = -(-wanted // len(train))
    drawn = [torch.randperm(len(train), generator=order) for _ in range(rounds)]
    return train.take(torch.cat(drawn)[:wanted])


class Progress:
    """Cross-entropy; activations that anneal are as they end after half of the steps."""

    def __init__(self, model: nn.Module, steps: int, watch: Watch | None = None) -> None:
        self._labels, self._model, self._steps, self._done = Labels(0.0), model, steps, 0
        self._watch = watch

    def begin(self, model: nn.Module) -> None:
        """Training mode."""
        self._labels.begin(model)

    def inputs(self, images: Tensor) -> Tensor:
        """The images as they are; called once a step."""
        anneal(self._model, min(1.0, 2 * self._done / self._steps))
        self._done += 1
        if self._watch is not None:
            self._watch(self._model)
        return images

    def loss(self, logits: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        """The mean over the batch."""
        return self._labels.loss(logits, inputs, labels)
