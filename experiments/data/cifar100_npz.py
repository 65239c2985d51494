"""CIFAR-100 as one ``.npz``: the images of the original, in another order."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import torch

from experiments.damage import set_aside
from experiments.data.dataset import Split

# Images and labels of both splits, in the order of :func:`ordered`.
SHA256 = "e664674b3031a894454d0b9b5832188af2ea17f6dcffe9d9629f87276f29d2e2"
_UNREADABLE = (zipfile.BadZipFile, OSError, KeyError, ValueError, EOFError)


def path(data_dir: Path) -> Path:
    """Where it is."""
    return data_dir / "cifar100.npz"


def read(data_dir: Path) -> tuple[Split, Split] | None:
    """Ordered training and test images; None where the file is damaged and set aside.

    Keys ``x_train, y_train, x_test, y_test``: uint8 ``[N, 32, 32, 3]`` and integers ``[N]``.
    """
    file = path(data_dir)
    try:
        with file.open("rb") as stream, np.load(stream) as arrays:
            train, test = (
                ordered(_split(arrays[f"x_{name}"], arrays[f"y_{name}"]))
                for name in ("train", "test")
            )
    except _UNREADABLE:
        reason = "not readable"
    else:
        if _sha256(train, test) == SHA256:
            return train, test
        reason = "its images are not the original's"
    set_aside(file, data_dir / "damaged", reason)
    return None


def ordered(split: Split) -> Split:
    """By label, then by the bytes of the image: the same whatever the order was."""
    pairs = zip(split.labels.tolist(), split.images.numpy(), strict=True)
    keys = [(label, image.tobytes()) for label, image in pairs]
    return split.take(torch.tensor(sorted(range(len(keys)), key=keys.__getitem__)))


def _split(images: np.ndarray, labels: np.ndarray) -> Split:
    return Split(
        torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2))),
        torch.from_numpy(labels.astype(np.int64)),
    )


def _sha256(train: Split, test: Split) -> str:
    sha = hashlib.sha256()
    for split in (train, test):
        for tensor in (split.images, split.labels):
            sha.update(tensor.numpy().tobytes())
    return sha.hexdigest()
