"""Checkpoints of the developers' machine that relatives.md measured on, and its test images."""

from __future__ import annotations

import os
from collections import OrderedDict
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.rewriters.network import rewrite_network
from baselines.rewriters.protocol import Parameters, Rewriter
from tropnnc.files import load_weights

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data" / "checkpoints"
CHECKPOINTS = Path(os.environ.get("TROPNNC_CHECKPOINTS", SHARED))
MNIST = Path(os.environ.get("TROPNNC_DATA", ROOT / "data")) / "MNIST" / "raw"
IMAGES = 2000


def weights(name: str) -> dict[str, Tensor]:
    """The state of a checkpoint; the test is skipped where it is not at hand."""
    path = CHECKPOINTS / f"{name}.pt"
    if not path.is_file():
        pytest.skip(f"no checkpoint {path}")
    return load_weights(path)


def lenet300100() -> nn.Module:
    """Caffe's LeNet-300-100 of MNIST."""
    model = nn.Sequential(
        OrderedDict(
            flatten=nn.Flatten(),
            ip1=nn.Linear(784, 300),
            relu1=nn.ReLU(),
            ip2=nn.Linear(300, 100),
            relu2=nn.ReLU(),
            ip3=nn.Linear(100, 10),
        )
    )
    model.load_state_dict(weights("mnist_lenet300100_caffe"))
    return model.eval()


def percent(model: nn.Module) -> float:
    """Correct among the first 2,000 test images of MNIST."""
    images, labels = _test_images()
    with torch.no_grad():
        return 100 * int((model(images).argmax(1) == labels).sum()) / IMAGES


def percent_in_format(dense: nn.Module, rewriter: Rewriter, share: float) -> float:
    """Of a network whose inner layers have that share of their weights' parameters."""
    model, _ = rewrite_network(
        dense, rewriter, lambda _, layer: Parameters(int(share * layer.weight.numel()))
    )
    return percent(model)


@cache
def _test_images() -> tuple[Tensor, Tensor]:
    """Read as they lie there: opening the whole data set takes seconds."""
    files = [MNIST / f"t10k-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]
    if not all(path.is_file() for path in files):
        pytest.skip(f"no MNIST in {MNIST} (make data)")
    pixels, labels = (torch.from_numpy(np.fromfile(path, np.uint8)) for path in files)
    images = pixels[16:].view(-1, 1, 28, 28)[:IMAGES].float() / 255
    return images, labels[8:].long()[:IMAGES]
