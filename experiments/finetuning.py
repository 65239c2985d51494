"""Training that may follow a compression."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from experiments.bench import Bench
from experiments.determinism import deterministic, one_thread
from experiments.settings import Finetuning
from experiments.training import epochs
from tropnnc.seeding import derive_seed


def reinitialised(model: nn.Module, seed: int) -> nn.Module:
    """A copy of ``model`` with fresh random weights.

    Raises:
        TypeError: a module has weights and no ``reset_parameters``.
    """
    model = copy.deepcopy(model)
    with deterministic(derive_seed(seed, "initialisation from scratch")):
        for name, module in model.named_modules():
            if any(True for _ in module.parameters(recurse=False)):
                reset: Any = getattr(module, "reset_parameters", None)
                if reset is None:
                    raise TypeError(f"{name}: {type(module).__name__} cannot be initialised anew")
                reset()
    return model


def finetune(model: nn.Module, settings: Finetuning, bench: Bench, seed: int) -> Iterator[int]:
    """Train ``model`` in place; yields each epoch of ``settings.report``, in evaluation mode.

    The order of the data depends on ``seed`` alone: it is the same for every method.
    """
    order = torch.Generator().manual_seed(derive_seed(seed, "fine-tuning order"))
    trained = epochs(
        model, settings.recipe, bench.dataset.train, bench.settings, order, "fine-tuning"
    )
    with deterministic(derive_seed(seed, "fine-tuning")), one_thread():
        for epoch in trained:
            if epoch in settings.report:
                model.eval()
                yield epoch
