"""A data set in memory: three fixed splits of uint8 images."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from experiments.settings import DatasetSettings
from tropnnc.unit import Pixels


@dataclass(frozen=True, eq=False)
class Split:
    """Images ``[N, C, H, W]`` uint8 and labels ``[N]`` int64."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Tensor) -> Split:
        """The examples at ``indices``, in that order."""
        return Split(self.images[indices], self.labels[indices])


@dataclass(frozen=True, eq=False)
class Dataset:
    """Train, validation (cut from train, fixed) and test."""

    name: str
    train: Split
    validation: Split
    test: Split

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of all arrays, in order."""
        sha = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for tensor in (split.images, split.labels):
                sha.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
                sha.update(tensor.contiguous().numpy().tobytes())
        return sha.hexdigest()

    def pixels(self, settings: DatasetSettings) -> Pixels:
        """Per-channel statistics of the training images, in the units that the network sees."""
        values = torch.arange(256, dtype=torch.float64) / 255
        counts = torch.stack(
            [torch.bincount(c.flatten(), minlength=256) for c in self.train.images.unbind(1)]
        )
        shares = counts / counts.sum(dim=1, keepdim=True, dtype=torch.float64)
        mean = shares @ values
        std = (shares @ values**2 - mean**2).sqrt()
        shift, scale = _per_channel(settings, torch.float64)
        return Pixels(
            mean=tuple(((mean - shift) / scale).tolist()),
            std=tuple((std / scale).tolist()),
            low=tuple(((0 - shift) / scale).tolist()),
            high=tuple(((1 - shift) / scale).tolist()),
        )


def normalise(images: Tensor, settings: DatasetSettings) -> Tensor:
    """``(pixel/255 − mean)/std`` per channel, float32."""
    shift, scale = (value.view(-1, 1, 1) for value in _per_channel(settings, torch.float32))
    return images.float().div_(255).sub_(shift).div_(scale)


def _per_channel(settings: DatasetSettings, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    return torch.tensor(settings.mean, dtype=dtype), torch.tensor(settings.std, dtype=dtype)
