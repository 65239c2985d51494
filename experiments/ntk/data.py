"""What the networks see: vectors, centred and scaled to a mean squared norm of 1."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import torch
from torch import Tensor

from baselines.ntk_lc.mixture import paper_mixture
from experiments.data import Dataset, Examples, Split, load_dataset
from experiments.data.splits import cut
from experiments.ntk.features import trunk_features
from experiments.ntk.settings import DataName
from experiments.settings import Machine
from tropnnc.seeding import derive_rng
from tropnnc.unit import IntArray

DIGITS = {"mnist": range(10), "mnist_0to4": range(5), "mnist_6v8": (6, 8)}
VALIDATION = 2000
# Of the mixture: dimension and points as in the paper; two classes are the fewest there are.
DIMENSION, CLASSES, TRAIN = 8000, 2, 2000


@dataclass(frozen=True, eq=False)
class Part:
    """Vectors ``[n, p]`` float32 and labels ``[n]``."""

    x: Tensor
    labels: IntArray


@dataclass(frozen=True, eq=False)
class Vectors:
    """Three parts; ``τ₀ = 1`` on the first of them."""

    train: Part
    validation: Part
    test: Part
    classes: int

    @cached_property
    def fingerprint(self) -> str:
        """Sha256 of all arrays, in order."""
        sha = hashlib.sha256()
        for part in (self.train, self.validation, self.test):
            sha.update(f"{tuple(part.x.shape)}".encode())
            sha.update(part.x.numpy().tobytes() + part.labels.tobytes())
        return sha.hexdigest()


@lru_cache(maxsize=1)
def load_vectors(name: DataName, train_images: int, machine: Machine) -> Vectors:
    """The data set ``name``, with at most ``train_images`` to train on, as many of each class.

    Raises:
        TropnncError: data or weights that are not to be had.
    """
    if name == "mixture":
        return _standardised([_mixture_part(i, n) for i, n in _parts(train_images)], CLASSES)
    if name == "cifar10_features":
        chosen = _chosen(load_dataset("cifar10", machine.data_dir), tuple(range(10)), train_images)
        features = trunk_features(torch.cat([split.images for split in chosen]), machine)
        parts = features.split([len(split) for split in chosen])
        return _standardised([(x, s.labels) for x, s in zip(parts, chosen, strict=True)], 10)
    dataset = load_dataset("mnist", machine.data_dir)
    chosen = _chosen(dataset, tuple(DIGITS[name]), train_images)
    parts = [(split.images.flatten(1).float() / 255, split.labels) for split in chosen]
    return _standardised(parts, len(DIGITS[name]))


def _standardised(parts: list[tuple[Tensor, Tensor]], classes: int) -> Vectors:
    """By the mean and the norm of the training part alone."""
    first = parts[0][0].double()
    mean = first.mean(dim=0)
    scale = (first - mean).square().sum(dim=1).mean().sqrt()
    train, held, test = (Part(((x.double() - mean) / scale).float(), y.numpy()) for x, y in parts)
    return Vectors(train, held, test, classes)


def _chosen(dataset: Dataset, labels: tuple[int, ...], train_images: int) -> list[Split]:
    """Training, validation and test images of ``labels``, which are numbered from 0 on."""
    train, _ = cut(_only(dataset.train, labels), train_images // len(labels), "ntk train")
    held, _ = cut(_only(dataset.validation, labels), VALIDATION // len(labels), "ntk validation")
    return [train, held, _only(dataset.test, labels)]


def _only(split: Examples, labels: tuple[int, ...]) -> Split:
    wanted = torch.tensor(labels)
    chosen = split.take(torch.isin(split.labels, wanted).nonzero().flatten())
    return Split(chosen.images, torch.searchsorted(wanted, chosen.labels))


def _parts(train_images: int) -> list[tuple[str, int]]:
    train = min(train_images, TRAIN)
    return [("train", train), ("validation", TRAIN // 2), ("test", TRAIN)]


def _mixture_part(purpose: str, count: int) -> tuple[Tensor, Tensor]:
    labels = np.arange(count) % CLASSES
    points = paper_mixture(DIMENSION, CLASSES).draw(labels, derive_rng(0, "ntk mixture", purpose))
    return torch.from_numpy(points), torch.from_numpy(labels)
