"""MNIST and Fashion-MNIST in torchvision's layout."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from experiments.data.dataset import Dataset, Split
from experiments.data.splits import cut
from tropnnc.errors import TropnncError
from tropnnc.vision import torchvision

VALIDATION_PER_CLASS = 500
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx_dataset(name: str, kind: Literal["MNIST", "FashionMNIST"], data_dir: Path) -> Dataset:
    """55,000 training, 5,000 validation and 10,000 test images, downloaded if absent.

    Raises:
        TropnncError: files absent and not to be had, or of another size.
    """
    folder = data_dir / kind / "raw"
    absent = [file for file in FILES if not (folder / file).exists()]
    try:
        rest, test = (_read(kind, data_dir, train, bool(absent)) for train in (True, False))
    except (RuntimeError, OSError) as error:
        raise TropnncError(
            f"{name}: no download possible; put {', '.join(absent) or 'the data set'}"
            f" (unpacked) into {folder}, or point data_dir or TROPNNC_DATA to where they are"
        ) from error
    except (AssertionError, ValueError, IndexError) as error:
        raise TropnncError(
            f"{name}: a file in {folder} is damaged ({error or 'header'})"
        ) from error
    if (len(rest), len(test)) != (60_000, 10_000):
        raise TropnncError(
            f"{name}: {folder} holds {len(rest)} and {len(test)} images,"
            " accepted are 60000 and 10000"
        )
    validation, train = cut(rest, VALIDATION_PER_CLASS, "validation")
    return Dataset(name, train, validation, test)


def _read(kind: str, data_dir: Path, train: bool, download: bool) -> Split:
    source = getattr(torchvision().datasets, kind)(str(data_dir), train=train, download=download)
    return Split(source.data.unsqueeze(1), source.targets)
