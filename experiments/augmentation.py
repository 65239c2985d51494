"""Random changes of training images, a batch of uint8 at a time."""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from experiments.data import Examples, Split
from experiments.settings import TrainSettings


def batches(split: Examples, recipe: TrainSettings, order: torch.Generator) -> Iterator[Split]:
    """One epoch in random order, every image shifted and flipped as ``recipe`` says.

    All draws are from ``order``; what is off draws nothing.
    """
    chunks = torch.randperm(len(split), generator=order).split(recipe.batch)
    for chunk, pixels in zip(chunks, split.read(chunks), strict=True):
        images = shifted(pixels, recipe.shift, order)
        yield Split(flipped(images, order) if recipe.flip else images, split.labels[chunk])


def shifted(images: Tensor, reach: int, generator: torch.Generator) -> Tensor:
    """Every image moved by its own random offset of at most ``reach`` pixels, filled with 0."""
    if reach == 0:
        return images
    count, _, height, width = images.shape
    offsets = torch.randint(0, 2 * reach + 1, (2, count, 1), generator=generator)
    rows, columns = offsets.flatten(1)
    # Whole rows are copied: three times as fast as picking pixels.
    windows = F.pad(images, (reach,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    moved = windows[torch.arange(count), :, rows, columns].movedim(1, -1)
    # Convolutions choose their algorithm, and so their last bits, by strides: channels last.
    return moved.clone(memory_format=torch.contiguous_format).movedim(-1, 1)


def flipped(images: Tensor, generator: torch.Generator) -> Tensor:
    """Every image mirrored, left to right, with probability 1/2."""
    chosen = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(-1), images)
