"""Adam on the waves of one micro-batch."""

from __future__ import annotations

from math import cos, pi
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tropnnc.imagination.frame import Frame
from tropnnc.imagination.objective import Objective
from tropnnc.imagination.recipe import Recipe
from tropnnc.imagination.spectrum import Spectrum
from tropnnc.seeding import derive_rng


class Matching:
    """Images on their way; what a snapshot has to hold is its state.

    Pixels are standardised in here, so that the learning rate and the total variation mean the
    same in every data set's units.
    """

    def __init__(
        self,
        start: Tensor,
        first: int,
        objective: Objective,
        recipe: Recipe,
        frame: Frame,
        seed: int,
    ) -> None:
        """Begin from ``start [N, C, h, w]``, standardised, held in its range.

        Args:
            start: is not modified.
            first: index of its first image among all of them.
            objective: what is minimised, beside total variation.
            recipe: how.
            frame: of the pixels.
            seed: of shifts and flips, which depend on it, on ``first`` and on the step alone.
        """
        self.done = 0
        self._start = start
        self._spectrum = Spectrum((start.shape[2], start.shape[3]), start.device)
        self._waves = self._spectrum.zeros(len(start), start.shape[1]).requires_grad_()
        self._adam = torch.optim.Adam([self._waves], lr=recipe.learning_rate)
        self._objective, self._recipe, self._frame = objective, recipe, frame
        self._first, self._seed = first, seed

    @property
    def seen(self) -> Tensor:
        """The images so far, as the network sees them."""
        return self._images().detach()

    def step(self) -> None:
        """One step down the loss of the images, shifted and mirrored at random."""
        for group in self._adam.param_groups:
            group["lr"] = cosine(self._recipe, self.done)
        rng = derive_rng(self._seed, "shift and flip", self._first, self.done)
        images = self._images()
        self._adam.zero_grad()
        self._loss(images, self._moved(images, rng)).backward()
        self._adam.step()
        self.done += 1

    @torch.no_grad()
    def value(self, images: Tensor) -> float:
        """The loss of ``images``, neither shifted nor mirrored."""
        return self._loss(images, images).item()

    def state_dict(self) -> dict[str, Any]:
        """Everything that a later step depends on."""
        return {"done": self.done, "waves": self._waves.detach(), "adam": self._adam.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state of the same matching."""
        self.done = state["done"]
        with torch.no_grad():
            self._waves.copy_(state["waves"])
        self._adam.load_state_dict(state["adam"])

    def _images(self) -> Tensor:
        """As they began, changed by the waves so far and held in their range."""
        return self._frame.seen(self._start + self._spectrum.images(self._waves))

    def _loss(self, images: Tensor, moved: Tensor) -> Tensor:
        """The objective of ``moved``, and the total variation of ``images``, in deviations."""
        variation = total_variation(images / self._frame.std)
        return self._objective(moved, self._first) + self._recipe.variation * variation

    def _moved(self, images: Tensor, rng: np.random.Generator) -> Tensor:
        reach = self._recipe.shift
        down, across = rng.integers(-reach, reach + 1, size=2).tolist()
        mirrored = bool(rng.integers(2))
        images = images.roll((down, across), (2, 3))
        return images.flip(3) if mirrored and self._objective.mirrors else images


def cosine(recipe: Recipe, step: int) -> float:
    """The learning rate of ``step``, from 0 on."""
    return recipe.learning_rate * (1 + cos(pi * step / recipe.steps)) / 2


def total_variation(images: Tensor) -> Tensor:
    """Mean absolute difference of vertical neighbours, plus that of horizontal ones."""
    pairs = [images.diff(dim=dim).abs() for dim in (2, 3) if images.shape[dim] > 1]
    return torch.stack([pair.mean() for pair in pairs]).sum() if pairs else images.new_zeros(())
