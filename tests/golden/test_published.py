"""Accuracies that two papers print for one public checkpoint, to the last digit they print.

L1 and what merging on it gives from Neuron Merging's README, L2 from LBYL's table
(friendshipkim/neuron-merging, ICML2022-LBYL/LBYL2022): LeNet-300-100 on Fashion-MNIST, no
fine-tuning, norms of ``[w; b]``. LBYL with the λ₂ that its README names for each ratio and the
intercept that its code fits and drops. Its 87.86 for Neuron Merging at 50 % is the pruned
network's.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.lbyl import Lbyl
from baselines.neuron_merging import NeuronMerging
from baselines.norm import l1, l2
from tropnnc import Reducer, compress
from tropnnc.files import load_weights

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT.parent / "shared" / "data" / "checkpoints" / "fmnist_lenet300100.pt"
IMAGES = Path(os.environ.get("TROPNNC_DATA", ROOT / "data")) / "FashionMNIST" / "raw"


class LeNet300100(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.ip1, self.ip2, self.ip3 = nn.Linear(784, 300), nn.Linear(300, 100), nn.Linear(100, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.ip3(self.ip2(self.ip1(x).relu()).relu())


@pytest.fixture(scope="module")
def dense() -> nn.Module:
    if not CHECKPOINT.is_file():
        pytest.skip(f"no checkpoint {CHECKPOINT}")
    model = LeNet300100()
    model.load_state_dict(load_weights(CHECKPOINT))
    return model.eval()


@pytest.fixture(scope="module")
def test_set() -> tuple[Tensor, Tensor]:
    files = IMAGES / "t10k-images-idx3-ubyte", IMAGES / "t10k-labels-idx1-ubyte"
    if not all(file.is_file() for file in files):
        pytest.skip(
            f"no Fashion-MNIST in {IMAGES} (apt-get install dataset-fashion-mnist; make data)"
        )
    pixels, labels = (np.frombuffer(file.read_bytes(), np.uint8) for file in files)
    images = torch.from_numpy(pixels[16:].reshape(-1, 784).astype(np.float32))
    return (images / 255 - 0.5) / 0.5, torch.from_numpy(labels[8:].astype(np.int64))


def _correct(model: nn.Module, test_set: tuple[Tensor, Tensor]) -> int:
    images, labels = test_set
    with torch.no_grad():
        return int((model(images).argmax(dim=1) == labels).sum())


def test_the_dense_network(dense: nn.Module, test_set: tuple[Tensor, Tensor]) -> None:
    assert _correct(dense, test_set) == 8980


@pytest.mark.parametrize(
    ("method", "pruned", "percent"),
    [
        (l1(bias=True), 0.5, "88.40"),
        (l1(bias=True), 0.6, "85.17"),
        (l1(bias=True), 0.7, "71.26"),
        (l1(bias=True), 0.8, "66.76"),
        (l2(bias=True), 0.5, "87.86"),
        (l2(bias=True), 0.6, "83.03"),
        (l2(bias=True), 0.7, "71.21"),
        (l2(bias=True), 0.8, "63.9"),
        (NeuronMerging("l1"), 0.5, "88.69"),
        (NeuronMerging("l1"), 0.6, "86.92"),
        (NeuronMerging("l1"), 0.7, "82.75"),
        (NeuronMerging("l1"), 0.8, "80.02"),
        (NeuronMerging("l2"), 0.6, "88.07"),
        (NeuronMerging("l2"), 0.7, "83.27"),
        (NeuronMerging("l2"), 0.8, "77.11"),
        (Lbyl("l2", lambda2=0.3, intercept=True), 0.5, "88.83"),
        (Lbyl("l2", lambda2=0.6, intercept=True), 0.6, "87.75"),
        (Lbyl("l2", lambda2=0.3, intercept=True), 0.7, "83.92"),
        (Lbyl("l2", lambda2=1e-6, intercept=True), 0.8, "78.05"),
    ],
)
def test_published_accuracies(
    dense: nn.Module, test_set: tuple[Tensor, Tensor], method: Reducer, pruned: float, percent: str
) -> None:
    small, report = compress(dense, torch.zeros(1, 784), method, 1 - pruned, order="original")
    assert report.widths == {"ip1": round(300 * (1 - pruned)), "ip2": round(100 * (1 - pruned))}
    decimals = len(percent.split(".")[1])
    assert f"{_correct(small, test_set) / 100:.{decimals}f}" == percent
