"""Early stopping on training images that are held back: neither validation nor test images."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from experiments.data import Examples, normalise
from experiments.data.dataset import Own
from experiments.logits import classification_loss
from experiments.settings import DatasetSettings

BATCH = 1000


class Stopper:
    """Stop after ``patience`` epochs without a lower loss, and go back to the lowest."""

    def __init__(self, patience: int, held: Examples, settings: DatasetSettings) -> None:
        self._patience = patience
        self._images = normalise(held.images, settings)
        self._labels = held.labels
        self._lowest = math.inf
        self._since = 0
        self._best: dict[str, Any] = {}

    def done(self, model: nn.Module) -> bool:
        """Look at ``model`` after an epoch; whether it is time to stop."""
        loss = _loss(model, self._images, self._labels)
        self._since += 1
        if loss < self._lowest:
            self._lowest, self._since = loss, 0
            self._best = copy.deepcopy(model.state_dict())
        return self._since >= self._patience

    def restore(self, model: nn.Module) -> None:
        """Give ``model`` the weights of the lowest loss."""
        model.load_state_dict(self._best)

    def state_dict(self) -> dict[str, Any]:
        """What was seen so far."""
        return {"lowest": self._lowest, "since": self._since, "best": self._best}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what another one has seen."""
        self._lowest, self._since = state_dict["lowest"], state_dict["since"]
        self._best = state_dict["best"]


def hold_back(split: Own, share: float, generator: torch.Generator) -> tuple[Own, Own]:
    """``(held, rest)``: a random ``share`` of the examples, and the others."""
    order = torch.randperm(len(split), generator=generator)
    count = round(share * len(split))
    return split.take(order[:count]), split.take(order[count:])


def _loss(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    device = next(model.parameters()).device
    model.eval()
    with torch.inference_mode():
        losses = [
            classification_loss(model(x.to(device)), y.to(device), reduction="sum").item()
            for x, y in zip(images.split(BATCH), labels.split(BATCH), strict=True)
        ]
    return sum(losses) / len(labels)
