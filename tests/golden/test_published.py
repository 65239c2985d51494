"""Accuracies that two papers print for one public checkpoint, to the last digit they print.

L1 and what merging on it gives from Neuron Merging's README, L2 from LBYL's table
(friendshipkim/neuron-merging, ICML2022-LBYL/LBYL2022): LeNet-300-100 on Fashion-MNIST, no
fine-tuning, norms of ``[w; b]``. LBYL with the λ₂ that its README names for each ratio and the
intercept that its code fits and drops. Its 87.86 for Neuron Merging at 50 % is the pruned
network's.
"""

from __future__ import annotations

import pytest
import torch
from torch import nn

from baselines.lbyl import Lbyl
from baselines.neuron_merging import NeuronMerging
from baselines.norm import l1, l2
from tests.golden.lenet import TestSet, correct, published, read_test_set
from tropnnc import Reducer, compress


@pytest.fixture(scope="module")
def dense() -> nn.Module:
    return published("fmnist_lenet300100.pt")


@pytest.fixture(scope="module")
def test_set() -> TestSet:
    images, labels = read_test_set(
        "FashionMNIST", "apt-get install dataset-fashion-mnist; make data"
    )
    return (images - 0.5) / 0.5, labels


def test_the_dense_network(dense: nn.Module, test_set: TestSet) -> None:
    assert correct(dense, test_set) == 8980


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
    dense: nn.Module, test_set: TestSet, method: Reducer, pruned: float, percent: str
) -> None:
    small, report = compress(dense, torch.zeros(1, 784), method, 1 - pruned, order="original")
    assert report.widths == {"ip1": round(300 * (1 - pruned)), "ip2": round(100 * (1 - pruned))}
    decimals = len(percent.split(".")[1])
    assert f"{correct(small, test_set) / 100:.{decimals}f}" == percent
