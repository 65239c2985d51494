"""A published LeNet-300-100 and the test images that it is tried on."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from experiments.architectures import LeNet300100
from tropnnc.files import load_weights

ROOT = Path(__file__).parents[2]
CHECKPOINTS = ROOT.parent / "shared" / "data" / "checkpoints"
DATA = Path(os.environ.get("TROPNNC_DATA", ROOT / "data"))

TestSet = tuple[Tensor, Tensor]


def published(checkpoint: str) -> nn.Module:
    """The network with the weights of that file; without it the test is skipped."""
    path = Path(os.environ.get("TROPNNC_CHECKPOINTS", CHECKPOINTS)) / checkpoint
    if not path.is_file():
        pytest.skip(f"no checkpoint {path}")
    model = LeNet300100()
    model.load_state_dict(load_weights(path))
    return model.eval()


def read_test_set(dataset: str, remedy: str) -> TestSet:
    """Pixels ``[10000, 784]`` in [0, 1] and labels; without the files the test is skipped."""
    folder = DATA / dataset / "raw"
    files = folder / "t10k-images-idx3-ubyte", folder / "t10k-labels-idx1-ubyte"
    if not all(file.is_file() for file in files):
        pytest.skip(f"no {dataset} in {folder} ({remedy})")
    pixels, labels = (np.frombuffer(file.read_bytes(), np.uint8) for file in files)
    images = torch.from_numpy(pixels[16:].reshape(-1, 784).astype(np.float32))
    return images / 255, torch.from_numpy(labels[8:].astype(np.int64))


def correct(model: nn.Module, test_set: TestSet) -> int:
    """Images classified as their labels say."""
    images, labels = test_set
    with torch.no_grad():
        return int((model(images).argmax(dim=1) == labels).sum())
