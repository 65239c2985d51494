"""What the harness is measured against: the same work with nothing around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from experiments.evaluation import batches
from tropnnc.vision import torchvision


def bare_loop(model: nn.Module, images: Tensor, labels: Tensor) -> int:
    """Number of ``images [N, C, H, W]`` classified as ``labels [N]`` say, in the harness's batches.

    Of the same size, so that a ratio of times is what the harness adds and no effect of the cache;
    neither logits nor the bit per image are kept.
    """
    correct = 0
    with torch.inference_mode():
        parts = batches(images)
        for batch, truth in zip(parts, labels.split(len(parts[0])), strict=True):
            correct += int((model(batch).argmax(dim=1) == truth).sum())
    return correct


class _Images(Dataset[Tensor]):
    """Image files through torchvision's transforms, as in its ImageFolder."""

    def __init__(self, paths: Sequence[str], mean: Sequence[float], std: Sequence[float]) -> None:
        self.paths = paths
        transforms: Any = torchvision().transforms
        steps = transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor()
        self.transform = transforms.Compose([*steps, transforms.Normalize(mean, std)])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Tensor:
        with Image.open(self.paths[index]) as image:
            return self.transform(image.convert("RGB"))


def torchvision_loader(
    paths: Sequence[str], mean: Sequence[float], std: Sequence[float], batch: int, workers: int
) -> DataLoader[Tensor]:
    """Batches of the images at ``paths``: shorter side 256, central 224, normalised."""
    return DataLoader(_Images(paths, mean, std), batch_size=batch, num_workers=workers)
