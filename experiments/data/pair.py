"""Two digits of MNIST, for networks with one logit."""

from __future__ import annotations

from pathlib import Path

import torch

from experiments.data.dataset import Dataset, Examples, Split
from experiments.data.idx import idx_dataset


def digit_pair(name: str, digits: tuple[int, int], data_dir: Path) -> Dataset:
    """MNIST's splits, only the images of ``digits``: label 0 for the first, 1 for the second.

    Raises:
        TropnncError: MNIST absent and not to be had.
    """
    whole = idx_dataset(name, "MNIST", data_dir)
    train, validation, test = (
        _of(split, digits) for split in (whole.train, whole.validation, whole.test)
    )
    return Dataset(name, train, validation, test)


def _of(split: Examples, digits: tuple[int, int]) -> Split:
    chosen = split.take(torch.isin(split.labels, torch.tensor(digits)).nonzero().flatten())
    return Split(chosen.images, (chosen.labels == digits[1]).long())
