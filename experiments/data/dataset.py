"""A data set: three fixed splits of uint8 images, in memory or read as they are needed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeVar

import torch
from torch import Tensor

from experiments.settings import DatasetSettings
from tropnnc.unit import Pixels

Own = TypeVar("Own", bound="Examples")


class Examples(Protocol):
    """Labelled images, wherever they are."""

    @property
    def images(self) -> Tensor:
        """All of them, uint8 ``[N, C, H, W]``."""
        ...

    @property
    def labels(self) -> Tensor:
        """Int64 ``[N]``."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: channels, height, width."""
        ...

    def __len__(self) -> int: ...

    def take(self: Own, indices: Tensor) -> Own:
        """The examples at ``indices``, in that order."""
        ...

    def read(self, chunks: Sequence[Tensor]) -> Iterator[Tensor]:
        """The images at each chunk of indices, in that order."""
        ...

    def identifying(self) -> Iterator[bytes]:
        """What tells these examples from others, for a fingerprint."""
        ...


@dataclass(frozen=True, eq=False)
class Split:
    """Images ``[N, C, H, W]`` and labels ``[N]`` int64, in memory.

    Images of a data set are uint8, those made from weights float32 in the same units.
    """

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: channels, height, width."""
        return tuple(self.images.shape[1:])

    def take(self, indices: Tensor) -> Split:
        """The examples at ``indices``, in that order."""
        return Split(self.images[indices], self.labels[indices])

    def read(self, chunks: Sequence[Tensor]) -> Iterator[Tensor]:
        """The images at each chunk of indices, in that order."""
        return (self.images[chunk] for chunk in chunks)

    def identifying(self) -> Iterator[bytes]:
        """Both arrays, each after its type and shape."""
        for tensor in (self.images, self.labels):
            yield f"{tensor.dtype}{tuple(tensor.shape)}".encode()
            yield tensor.contiguous().numpy().tobytes()


@dataclass(frozen=True, eq=False)
class Dataset:
    """Train, validation (cut from train, fixed) and test.

    Attributes:
        name: of the data set.
        train: may be empty where the training images are not at hand.
        validation: likewise.
        test: never empty.
        top5: whether the label among the five largest logits counts too.
        statistics: mean and standard deviation of the training pixels per channel, in [0, 1];
            None: measured.
    """

    name: str
    train: Examples
    validation: Examples
    test: Examples
    top5: bool = False
    statistics: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of all arrays, or of names, sizes and labels of all files, in order."""
        sha = hashlib.sha256()
        for split in (self.train, self.validation, self.test):
            for part in split.identifying():
                sha.update(part)
        return sha.hexdigest()

    def pixels(self, settings: DatasetSettings) -> Pixels:
        """Per-channel statistics of the training images, in the units that the network sees."""
        mean, std = self._moments()
        shift, scale = _per_channel(settings, torch.float64)
        return Pixels(
            mean=tuple(((mean - shift) / scale).tolist()),
            std=tuple((std / scale).tolist()),
            low=tuple(((0 - shift) / scale).tolist()),
            high=tuple(((1 - shift) / scale).tolist()),
        )

    def _moments(self) -> tuple[Tensor, Tensor]:
        if self.statistics is not None:
            mean, std = self.statistics
            return torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)
        values = torch.arange(256, dtype=torch.float64) / 255
        counts = torch.stack(
            [torch.bincount(c.flatten(), minlength=256) for c in self.train.images.unbind(1)]
        )
        shares = counts / counts.sum(dim=1, keepdim=True, dtype=torch.float64)
        mean = shares @ values
        return mean, (shares @ values**2 - mean**2).sqrt()


def normalise(images: Tensor, settings: DatasetSettings) -> Tensor:
    """``(pixel/255 − mean)/std`` per channel, float32."""
    shift, scale = (value.view(-1, 1, 1) for value in _per_channel(settings, torch.float32))
    return images.to(torch.float32, copy=True).div_(255).sub_(shift).div_(scale)


def pixels_of(images: Tensor, settings: DatasetSettings) -> Tensor:
    """The pixels, 0 to 255 in float32, that :func:`normalise` takes to ``images``."""
    shift, scale = (value.view(-1, 1, 1) for value in _per_channel(settings, torch.float32))
    return images.mul(scale).add_(shift).mul_(255)


def _per_channel(settings: DatasetSettings, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    return torch.tensor(settings.mean, dtype=dtype), torch.tensor(settings.std, dtype=dtype)
