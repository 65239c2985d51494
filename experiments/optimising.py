"""Optimisers and learning rates of a recipe."""

from __future__ import annotations

from typing import Any

from torch import nn, optim
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler, OneCycleLR

from experiments.training_settings import TrainSettings

WARMUP = 0.3  # torch's own


def make_optimizer(model: nn.Module, recipe: TrainSettings) -> optim.Optimizer:
    """SGD with Nesterov momentum 0.9, or AdamW."""
    rate, decay = recipe.learning_rate, recipe.weight_decay
    parameters = _groups(model) if recipe.decay_weights_only else model.parameters()
    if recipe.optimizer == "sgd":
        return optim.SGD(parameters, rate, momentum=0.9, nesterov=True, weight_decay=decay)
    return optim.AdamW(parameters, rate, weight_decay=decay)


def make_schedule(optimizer: optim.Optimizer, recipe: TrainSettings, steps: int) -> LRScheduler:
    """The learning rate over all ``steps`` of a training.

    One cycle rises over a share ``warmup`` of the steps and falls over the rest, along half
    cosines or along lines; momentum does the opposite.
    """
    if recipe.schedule in ("one_cycle", "one_cycle_linear"):
        return OneCycleLR(
            optimizer,
            recipe.learning_rate,
            total_steps=steps,
            pct_start=WARMUP if recipe.warmup is None else recipe.warmup,
            anneal_strategy="linear" if recipe.schedule == "one_cycle_linear" else "cos",
        )
    if recipe.schedule == "cosine":
        return CosineAnnealingLR(optimizer, steps)
    return ConstantLR(optimizer, factor=1.0)


def _groups(model: nn.Module) -> list[dict[str, Any]]:
    """Weights, and what is not decayed: biases and the parameters of batch norms."""
    parameters = list(model.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1]},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
