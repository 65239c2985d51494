"""CIFAR-10 and CIFAR-100 in torchvision's layout, CIFAR-100 also as one ``.npz``."""

from __future__ import annotations

import hashlib
import pickle
import warnings
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from experiments.damage import set_aside
from experiments.data import cifar100_npz
from experiments.data.dataset import Dataset, Split
from experiments.data.splits import cut
from tropnnc.errors import TropnncError
from tropnnc.vision import torchvision

VALIDATION = 5000
Kind = Literal["CIFAR10", "CIFAR100"]


def cifar10(data_dir: Path) -> Dataset:
    """45,000 training, 5,000 validation and 10,000 test images ``[3, 32, 32]``, ten classes.

    A damaged file is named and set aside; what is absent is downloaded.

    Raises:
        TropnncError: files absent and not to be had.
    """
    return _cut("cifar10", 10, *_original("CIFAR10", data_dir))


def cifar100(data_dir: Path) -> Dataset:
    """45,000 training, 5,000 validation and 10,000 test images ``[3, 32, 32]``, 100 classes.

    The ``.npz`` has the original's images in another order. Whichever is there, both splits are
    put into one order, so that seeds, records and identities hold for both.

    Raises:
        TropnncError: files absent and not to be had.
    """
    splits = cifar100_npz.read(data_dir) if _has_npz_only(data_dir) else None
    if splits is None:
        train, test = _original("CIFAR100", data_dir)
        splits = cifar100_npz.ordered(train), cifar100_npz.ordered(test)
    return _cut("cifar100", 100, *splits)


def cifar_files(kind: Kind, data_dir: Path) -> list[Path]:
    """The files that the data set is read from."""
    if kind == "CIFAR100" and _has_npz_only(data_dir):
        return [cifar100_npz.path(data_dir)]
    return list(_sources(kind, data_dir))


def _cut(name: str, classes: int, rest: Split, test: Split) -> Dataset:
    validation, train = cut(rest, VALIDATION // classes, "validation")
    return Dataset(name, train, validation, test)


def _has_npz_only(data_dir: Path) -> bool:
    whole = all(path.exists() for path in _sources("CIFAR100", data_dir))
    return cifar100_npz.path(data_dir).exists() and not whole


def _original(kind: Kind, data_dir: Path) -> tuple[Split, Split]:
    """Training and test images, in the order of the original files."""
    sources = _sources(kind, data_dir)
    batches = [_batch(path, md5) for path, md5 in sources.items()]
    if any(batch is None for batch in batches):
        _download(kind, data_dir, [path.name for path in sources if not path.exists()])
        batches = [_batch(path, md5) for path, md5 in sources.items()]
    whole = [batch for batch in batches if batch is not None]
    return _joined(whole[:-1]), _joined(whole[-1:])


def _sources(kind: Kind, data_dir: Path) -> dict[Path, str]:
    """The files with images, the test images last, and the md5s that torchvision knows."""
    known = getattr(torchvision().datasets, kind)
    listed = [*known.train_list, *known.test_list]
    return {data_dir / known.base_folder / name: md5 for name, md5 in listed}


def _batch(path: Path, md5: str) -> dict[str, Any] | None:
    """What a file holds; None where it is absent, or damaged and set aside."""
    try:
        blob = path.read_bytes()
    except FileNotFoundError:
        return None
    if hashlib.md5(blob, usedforsecurity=False).hexdigest() != md5:
        set_aside(path, path.parent / "damaged", "its md5 is not the original's")
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's, of how a pickle of 2009 spells its dtype
        return pickle.loads(blob, encoding="latin1")


def _download(kind: Kind, data_dir: Path, absent: list[str]) -> None:
    known = getattr(torchvision().datasets, kind)
    try:
        known(str(data_dir), download=True)
    except (RuntimeError, OSError) as error:
        or_npz = f", or cifar100.npz into {data_dir}" if kind == "CIFAR100" else ""
        raise TropnncError(
            f"{kind.lower()}: no download possible; put {', '.join(absent)} into"
            f" {data_dir / known.base_folder}{or_npz}, or point data_dir or TROPNNC_DATA to where"
            " they are"
        ) from error


def _joined(batches: list[dict[str, Any]]) -> Split:
    images = np.concatenate([batch["data"] for batch in batches]).reshape(-1, 3, 32, 32)
    key = "labels" if "labels" in batches[0] else "fine_labels"
    labels = [label for batch in batches for label in batch[key]]
    return Split(torch.from_numpy(images), torch.tensor(labels))
