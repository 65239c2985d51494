"""ImageNet in torchvision's or ImageFolder's layout: a folder per class, named by its wnid."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch

from experiments.data.dataset import Dataset
from experiments.data.files import Files
from experiments.data.preprocessing import PREPROCESSINGS
from experiments.data.splits import cut
from tropnnc.errors import TropnncError

CLASSES = 1000
# Cut from the training images for what is chosen: 10,000 of 1,281,167.
VALIDATION_PER_CLASS = 10
# Of the training images, per channel: the constants of torchvision's recipes.
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SYNSETS = "synset_words.txt"
_SUFFIXES = (".jpeg", ".jpg", ".png")
_ADVICE = {
    "imagenet": (
        "put ILSVRC-2012 (image-net.org) there as val/WNID/*.JPEG and, for what needs training"
        " images, train/WNID/*.JPEG"
    ),
    "imagenet_subset": "make data links it where ../shared has it",
}


def imagenet(name: str, data_dir: Path) -> Dataset:
    """The ILSVRC-2012 validation images as test, and training images where they are there.

    Without a folder ``train`` the training and validation splits are empty.

    Raises:
        TropnncError: folders that are absent or empty, or of no known class.
    """
    root = data_dir / name
    if not (root / "val").is_dir():
        raise TropnncError(
            f"{name}: no folder {root / 'val'}; {_ADVICE[name]}, or point data_dir or TROPNNC_DATA"
            " to where it is"
        )
    labels = _labels(root)
    test = _files(root / "val", labels)
    if (root / "train").is_dir():
        validation, train = cut(_files(root / "train", labels), VALIDATION_PER_CLASS, "validation")
    else:
        validation = train = test.take(torch.arange(0))
    return Dataset(name, train, validation, test, top5=True, statistics=(MEAN, STD))


def imagenet_files(name: str, data_dir: Path) -> list[Path]:
    """The test images, and the folders of the others: too many to be looked at one by one."""
    root = data_dir / name
    return sorted((root / "val").glob("*/*")) + sorted((root / "train").glob("*"))


def _labels(root: Path) -> dict[str, int]:
    """Label by wnid: its line in ``synset_words.txt``, or its place among all 1,000 folders."""
    words = root / SYNSETS
    if words.exists():
        lines = words.read_text(encoding="utf-8").splitlines()
        return {line.split()[0]: number for number, line in enumerate(lines) if line.strip()}
    found = _folders(root / "val")
    if len(found) != CLASSES:
        raise TropnncError(
            f"{root / 'val'}: {len(found)} folders are not the {CLASSES} classes; put {SYNSETS} (a"
            f" line per class, its wnid first) into {root}"
        )
    return {wnid: label for label, wnid in enumerate(found)}


def _files(folder: Path, labels: Mapping[str, int]) -> Files:
    """Classes by wnid, files by name: an order that no file system has a say in."""
    paths: list[str] = []
    found: list[int] = []
    for wnid in _folders(folder):
        if wnid not in labels:
            raise TropnncError(f"{folder / wnid}: not the wnid of a class in {SYNSETS}")
        names = [name for name in os.listdir(folder / wnid) if name.lower().endswith(_SUFFIXES)]
        if not names:
            raise TropnncError(f"{folder / wnid}: no image in it ({', '.join(_SUFFIXES)})")
        paths += [os.path.join(folder, wnid, name) for name in sorted(names)]
        found += [labels[wnid]] * len(names)
    if not paths:
        raise TropnncError(f"{folder}: no class folders in it (named by wnid, such as n01440764)")
    return Files(tuple(paths), torch.tensor(found), PREPROCESSINGS["resize256_crop224"])


def _folders(folder: Path) -> list[str]:
    return sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
