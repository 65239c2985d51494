"""Synthetic images, and how they are made."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tropnnc.errors import TropnncError
from tropnnc.imagination.making import make_parts
from tropnnc.imagination.objective import objective_of
from tropnnc.imagination.origin import Origin, origin_of
from tropnnc.imagination.recipe import Recipe
from tropnnc.imagination.snapshot import Snapshot
from tropnnc.unit import Pixels


@dataclass(frozen=True, eq=False)
class Images:
    """Synthetic images and where they come from.

    Attributes:
        tensor: ``[N, C, h, w]`` float32 as the network sees them, mirror images last; every value
            is one of float16.
        origin: what determines them.
        source: what they began as, and what was minimised.
        before: the loss that they began with, neither shifted nor mirrored.
        after: the loss of those that were made.
    """

    tensor: Tensor
    origin: Origin
    source: str
    before: float
    after: float


def imagine(
    model: nn.Module,
    shape: tuple[int, ...],
    recipe: Recipe | None = None,
    pixels: Pixels | None = None,
    seed: int = 0,
    snapshot: Snapshot | None = None,
) -> Images:
    """Images made from the weights of ``model`` alone (theory.md 5.2, steps 1 and 2).

    Dead leaves are changed by Adam until every batch norm sees the mean and the variance that it
    remembers. Where there is no batch norm, 1/f noise is changed until the network sees its
    classes, each in as many images; theory.md leaves that recipe open, and this one is ours.

    Each micro-batch of the recipe has its own loss and is finished before the next begins.
    Memory, beside the images themselves: the weights once more, eight times the pixels of a
    micro-batch, and what a training step on it would keep, at most every tensor of a forward pass.

    Args:
        model: any module that maps ``[N, *shape]``; it is not modified.
        shape: of one image, ``(channels, height, width)``.
        recipe: constants; None: those of :func:`recipe_for`, which depend on whether there is batch
            norm.
        pixels: statistics and range of the pixels as the model sees them.
        seed: of everything random.
        snapshot: lets it go on after a kill, to the same bytes.

    Raises:
        TropnncError: bad input, in one line.
    """
    origin = origin_of(model, shape, recipe, pixels, seed)
    objective = objective_of(model, origin.shape)
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    parts = make_parts(origin, objective, device, snapshot)
    tensor = torch.cat([part.tensor for part in parts]).float()
    if origin.recipe.mirrored:
        tensor = torch.cat([tensor, tensor.flip(3)])
    if not tensor.isfinite().all():
        raise TropnncError("the pixels did not stay finite; a lower learning_rate may help")
    before, after = (
        sum(len(part.tensor) * getattr(part, name) for part in parts) / origin.recipe.count
        for name in ("before", "after")
    )
    return Images(tensor, origin, objective.source, before, after)
