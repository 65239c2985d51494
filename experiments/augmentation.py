"""Random changes of training images, a batch of uint8 at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from experiments.data import Examples, Split
from experiments.data.files import as_files
from experiments.processes import ALONE, Part, Processes, parts
from experiments.training_settings import TrainSettings


def batches(
    split: Examples, recipe: TrainSettings, order: torch.Generator, processes: Processes = ALONE
) -> Iterator[Split]:
    """One epoch in random order, every image shifted and flipped as ``recipe`` says.

    All draws are from ``order``; what is off draws nothing. Of several processes each gets its part
    of every batch, and draws for the whole of it: together they see what a single one does.
    """
    chunks = torch.randperm(len(split), generator=order).split(recipe.batch)
    own = parts(len(split), recipe.batch, processes)
    chunks = [chunk[part.slice] for chunk, part in zip(chunks, own, strict=True)]
    read = _read(split, recipe, chunks, own, order)
    for chunk, pixels, part in zip(chunks, read, own, strict=True):
        images = shifted(pixels, recipe.shift, order, part)
        images = flipped(images, order, part) if recipe.flip else images
        yield Split(images, split.labels[chunk])


def _read(
    split: Examples,
    recipe: TrainSettings,
    chunks: Sequence[Tensor],
    own: Sequence[Part],
    order: torch.Generator,
) -> Iterator[Tensor]:
    """The pixels of ``chunks``; where random parts are, all are drawn before the first is read."""
    if recipe.crop is None:
        return split.read(chunks)
    draws = [torch.rand(part.whole, 4, generator=order)[part.slice] for part in own]
    return as_files(split, recipe.crop).read_cropped(chunks, recipe.crop, draws)


def shifted(
    images: Tensor, reach: int, generator: torch.Generator, part: Part | None = None
) -> Tensor:
    """Every image moved by its own random offset of at most ``reach`` pixels, filled with 0.

    ``part``: of which batch these are the images; None: they are all.
    """
    if reach == 0:
        return images
    count, _, height, width = images.shape
    part = part or Part(0, count, count)
    offsets = torch.randint(0, 2 * reach + 1, (2, part.whole, 1), generator=generator)
    rows, columns = offsets[:, part.slice].flatten(1)
    # Whole rows are copied: three times as fast as picking pixels.
    windows = F.pad(images, (reach,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    moved = windows[torch.arange(count), :, rows, columns].movedim(1, -1)
    # Convolutions choose their algorithm, and so their last bits, by strides: channels last.
    return moved.clone(memory_format=torch.contiguous_format).movedim(-1, 1)


def flipped(images: Tensor, generator: torch.Generator, part: Part | None = None) -> Tensor:
    """Every image mirrored, left to right, with probability 1/2; ``part`` as above."""
    part = part or Part(0, len(images), len(images))
    chosen = torch.rand(part.whole, generator=generator)[part.slice] < 0.5
    return torch.where(chosen.view(-1, 1, 1, 1), images.flip(-1), images)
