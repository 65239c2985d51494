"""MNIST and Fashion-MNIST in torchvision's layout."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from experiments.damage import set_aside
from experiments.data.dataset import Dataset, Split
from experiments.data.splits import cut
from tropnnc.errors import TropnncError
from tropnnc.vision import torchvision

VALIDATION_PER_CLASS = 500
Kind = Literal["MNIST", "FashionMNIST"]
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
SHA256 = {
    "MNIST": (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
    "FashionMNIST": (
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}


def idx_dataset(name: str, kind: Kind, data_dir: Path) -> Dataset:
    """55,000 training, 5,000 validation and 10,000 test images.

    A damaged file is named and set aside; what is absent is downloaded.

    Raises:
        TropnncError: files absent and not to be had.
    """
    files = idx_files(kind, data_dir)
    for path, sha256 in zip(files, SHA256[kind], strict=True):
        if path.exists() and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            set_aside(path, path.parent / "damaged", "its sha256 is not the original's")
    absent = [path.name for path in files if not path.exists()]
    try:
        rest, test = (_read(kind, data_dir, train, bool(absent)) for train in (True, False))
    except (RuntimeError, OSError) as error:
        raise TropnncError(
            f"{name}: no download possible; put {', '.join(absent) or 'the data set'} (unpacked)"
            f" into {files[0].parent}, or point data_dir or TROPNNC_DATA to where they are"
        ) from error
    validation, train = cut(rest, VALIDATION_PER_CLASS, "validation")
    return Dataset(name, train, validation, test)


def idx_files(kind: Kind, data_dir: Path) -> list[Path]:
    """Images and labels of both splits, unpacked."""
    return [data_dir / kind / "raw" / name for name in FILES]


def _read(kind: str, data_dir: Path, train: bool, download: bool) -> Split:
    source = getattr(torchvision().datasets, kind)(str(data_dir), train=train, download=download)
    return Split(source.data.unsqueeze(1), source.targets)
