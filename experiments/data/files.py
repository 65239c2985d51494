"""Labelled image files, decoded as they are read, in processes of their own."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from experiments.data.cropping import read_cropped
from experiments.data.preprocessing import Preprocessing, read_image
from experiments.training_settings import Crop
from tropnnc.errors import TropnncError

# Decoded images are kept up to so many bytes: 1,783 of 3×224×224.
KEPT = 1 << 28
# Images that a process decodes at once where the caller wants all of them.
_AT_ONCE = 64

# Indices ``[b]`` and, where random parts are read, ``[b, 4]`` draws.
_Chunk = tuple[Tensor, Tensor | None]


@dataclass(frozen=True, eq=False)
class Files:
    """Paths and labels ``[N]`` int64; few images are decoded once and kept.

    Attributes:
        paths: ``…/wnid/name``.
        labels: int64.
        preprocessing: that all images go through.
        workers: processes that decode; 0: this one. The images do not depend on it.
    """

    paths: tuple[str, ...]
    labels: Tensor
    preprocessing: Preprocessing
    workers: int = 0

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one image: channels, height, width."""
        return 3, self.preprocessing.crop, self.preprocessing.crop

    def take(self, indices: Tensor) -> Files:
        """The examples at ``indices``, in that order."""
        paths = tuple(self.paths[index] for index in indices.tolist())
        return replace(self, paths=paths, labels=self.labels[indices])

    @property
    def images(self) -> Tensor:
        """All of them, decoded: uint8 ``[N, 3, H, W]``."""
        return self._decoded if self._is_kept else self._read_all()

    def read(self, chunks: Sequence[Tensor]) -> Iterator[Tensor]:
        """The images uint8 ``[b, 3, H, W]`` at each chunk of indices, in that order.

        Raises:
            TropnncError: a file that is no readable image, or too small.
        """
        if self._is_kept:
            return (self._decoded[chunk] for chunk in chunks)
        return self._decode([(chunk, None) for chunk in chunks])

    def read_cropped(
        self, chunks: Sequence[Tensor], crop: Crop, draws: Sequence[Tensor]
    ) -> Iterator[Tensor]:
        """Likewise, a part of each image: see :func:`experiments.data.cropping.read_cropped`.

        ``draws [b, 4]`` for each chunk.
        """
        return self._decode(list(zip(chunks, draws, strict=True)), crop)

    def identifying(self) -> Iterator[bytes]:
        """Names, sizes and labels.

        Reading 1.3 million files for every sweep would take longer than most of its cells; two
        JPEG files of one name and one size are the same image but for tampering.
        """
        for path, label in zip(self.paths, self.labels.tolist(), strict=True):
            name = "/".join(path.split(os.sep)[-2:])
            yield f"{name} {os.stat(path).st_size} {label}\n".encode()

    @cached_property
    def _decoded(self) -> Tensor:
        return self._read_all()

    @property
    def _is_kept(self) -> bool:
        return len(self) * self.preprocessing.crop**2 * 3 <= KEPT

    def _read_all(self) -> Tensor:
        chunks = [(chunk, None) for chunk in torch.arange(len(self)).split(_AT_ONCE)]
        return torch.cat([torch.empty(0, *self.shape, dtype=torch.uint8), *self._decode(chunks)])

    def _decode(self, chunks: Sequence[_Chunk], crop: Crop | None = None) -> Iterator[Tensor]:
        # A generator of its own: the loader draws a seed, and must not from ours.
        loader = DataLoader(
            _Decoder(self.paths, self.preprocessing, crop),
            batch_size=None,
            sampler=chunks,
            num_workers=self.workers,
            generator=torch.Generator(),
        )
        for batch in loader:
            if isinstance(batch, str):
                raise TropnncError(batch)
            yield batch


def as_files(split: object, crop: Crop) -> Files:
    """``split``, of which ``crop`` is to be read.

    Raises:
        TropnncError: images in memory; there is no more of them than what the network sees.
    """
    if not isinstance(split, Files):
        raise TropnncError(f"crop = {crop} is accepted of image files only; shift is of others")
    return split


@dataclass(frozen=True)
class _Decoder(Dataset[Tensor | str]):
    """What a worker runs: a chunk of indices in, images out, or what is wrong with one of them.

    An exception would cross the process boundary as the text of its traceback.
    """

    paths: tuple[str, ...]
    preprocessing: Preprocessing
    crop: Crop | None

    def __getitem__(self, index: _Chunk) -> Tensor | str:
        indices, draws = index
        paths = [self.paths[i] for i in indices.tolist()]
        try:
            return torch.stack(self._pixels(paths, draws))
        except TropnncError as error:
            return str(error)

    def _pixels(self, paths: list[str], draws: Tensor | None) -> list[Tensor]:
        if self.crop is None or draws is None:
            return [read_image(path, self.preprocessing) for path in paths]
        return [
            read_cropped(path, self.preprocessing, self.crop, own)
            for path, own in zip(paths, draws, strict=True)
        ]
