"""Meta-learning of what all images share: second order, through the steps that encode an image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from baselines.coin.encoding import errors, fit_latents, targets
from baselines.coin.siren import ModulatedSiren, grid
from tropnnc.errors import TropnncError


@dataclass(frozen=True)
class MetaTraining:
    """How the shared network is trained. The defaults are stable at widths near 64.

    The published code has neither warm-up, clipping nor schedule: at these sizes it collapses
    (relatives.md C1, "Stability").

    Attributes:
        steps: of Adam.
        batch: images per step.
        points: drawn per step, the same of all images and for both losses; 0: all.
        inner_steps: that encode an image, here and afterwards unless something else is asked for.
        inner_rate: of those.
        rate: of Adam, at its highest.
        warmup: steps in which it rises linearly.
        clip: largest norm of the gradient; 0: none.
        decay: last share of the steps in which the rate falls to 0 by a cosine.
    """

    steps: int
    batch: int = 16
    points: int = 0
    inner_steps: int = 3
    inner_rate: float = 0.1
    rate: float = 3e-4
    warmup: int = 50
    clip: float = 0.05
    decay: float = 0.4

    def __post_init__(self) -> None:
        counts = (self.steps, self.batch, self.inner_steps)
        small = (self.points, self.warmup, self.clip, self.decay)
        rates = (self.rate, self.inner_rate)
        if min(counts) < 1 or min(small) < 0 or self.decay > 1 or min(rates) <= 0:
            raise TropnncError(
                f"{self} is not accepted; positive steps, batch and rates, a decay of 0 to 1 are"
            )

    def rate_at(self, step: int) -> float:
        """Adam's rate in ``step``, counted from 0."""
        rate = self.rate * min(1.0, (step + 1) / self.warmup) if self.warmup else self.rate
        falling = self.steps * self.decay
        left = self.steps - step
        if left >= falling:
            return rate
        return rate * 0.5 * (1 - math.cos(math.pi * left / falling))


class MetaTrainer:
    """Steps of Adam on the shared network.

    Args:
        model: trained in place.
        settings: of the training.
        images: uint8 ``[N, C, H, W]``, on the CPU.
        patch: train on random crops of this height and width; None: on whole images.
        seed: of the order of images, crops and points.
    """

    def __init__(
        self,
        model: ModulatedSiren,
        settings: MetaTraining,
        images: Tensor,
        patch: tuple[int, int] | None,
        seed: int,
    ) -> None:
        self.model, self.settings = model, settings
        self.optimizer = torch.optim.Adam(model.parameters(), lr=settings.rate)
        self.generator = torch.Generator().manual_seed(seed)
        self._images = images
        self._size = patch or (images.shape[2], images.shape[3])
        self._grid = grid(*self._size)

    def step(self, number: int) -> float:
        """Step ``number``, counted from 0; the mean squared error after encoding."""
        points, pixels = self._drawn()
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate_at(number)
        self.optimizer.zero_grad(set_to_none=True)
        loss = outer_loss(self.model, points, pixels, self.settings)
        loss.backward()
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip)
        self.optimizer.step()
        return float(loss.detach())

    def _drawn(self) -> tuple[Tensor, Tensor]:
        """Points ``[P, 2]`` and pixels ``[B, P, C]`` of one step."""
        device = self.model.modulation.weight.device
        chosen = torch.randint(len(self._images), (self.settings.batch,), generator=self.generator)
        pixels = targets(self._cropped(self._images[chosen]))
        points, count = self._grid, self.settings.points
        if 0 < count < len(points):
            kept = torch.randperm(len(points), generator=self.generator)[:count]
            points, pixels = points[kept], pixels[:, kept]
        return points.to(device), pixels.to(device)

    def _cropped(self, images: Tensor) -> Tensor:
        """A crop of each image, all of one step at places of their own."""
        height, width = self._size
        room = images.shape[2] - height, images.shape[3] - width
        if room == (0, 0):
            return images
        tops, lefts = (
            torch.randint(most + 1, (len(images),), generator=self.generator).tolist()
            for most in room
        )
        crops = [
            image[:, top : top + height, left : left + width]
            for image, top, left in zip(images, tops, lefts, strict=True)
        ]
        return torch.stack(crops)


def outer_loss(
    model: ModulatedSiren, points: Tensor, pixels: Tensor, settings: MetaTraining
) -> Tensor:
    """Mean over the batch of the error after encoding; its gradient goes through the encoding."""
    steps, rate = settings.inner_steps, settings.inner_rate
    latents = fit_latents(model, points, pixels, steps, rate, create_graph=True)
    return errors(model, points, pixels, latents).mean()
