"""Training that may follow a compression."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
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


def finetuned(small: nn.Module, settings: Finetuning, bench: Bench, seed: int) -> dict[str, Any]:
    """What a record says: ``finetuned``, the evaluations at the reported epochs.

    With several learning rates also ``learning_rates``, the one chosen and the validation images
    that each classifies; the first of the best is chosen. The test images play no part in it.
    """
    if not settings.rates:
        return {"finetuned": _curve(small, settings, bench, seed)}
    curves, validation = {}, {}
    for rate in settings.rates:
        model = copy.deepcopy(small)
        own = replace(settings, recipe=replace(settings.recipe, learning_rate=rate))
        curves[rate] = _curve(model, own, bench, seed)
        validation[rate] = bench.validate(model).correct
    chosen = max(settings.rates, key=lambda rate: validation[rate])
    choice = {
        "chosen": chosen,
        "validation": [{"learning_rate": r, "correct": c} for r, c in validation.items()],
        "total": len(bench.dataset.validation),
    }
    return {"finetuned": curves[chosen], "learning_rates": choice}


def _curve(model: nn.Module, settings: Finetuning, bench: Bench, seed: int) -> list[dict[str, Any]]:
    """The evaluations at the reported epochs; the last one is the result."""
    return [
        {"epoch": epoch, **bench.evaluate(model).record()}
        for epoch in finetune(model, settings, bench, seed)
    ]


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
