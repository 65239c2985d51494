"""Multiply-adds and parameters that anyone can count by hand."""

from __future__ import annotations

import torch
from torch import nn

from tropnnc import compress
from tropnnc.cost import count


def _lenet5_caffe() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 20, 5),
        nn.MaxPool2d(2),
        nn.Conv2d(20, 50, 5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(800, 500),
        nn.ReLU(),
        nn.Linear(500, 10),
    )


def _mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)
    )


def test_lenet5_of_caffe() -> None:
    cost = count(_lenet5_caffe(), torch.zeros(1, 1, 28, 28))
    # 24²·20·25 + 8²·50·500 + 800·500 + 500·10
    assert (cost.macs, cost.parameters, cost.bytes) == (2_293_000, 431_080, 4 * 431_080)


def test_lenet_300_100() -> None:
    cost = count(_mlp(), torch.zeros(7, 784))
    assert (cost.macs, cost.parameters, cost.bytes) == (266_200, 266_610, 4 * 266_610)


def test_a_compressed_network_costs_what_a_dense_one_of_its_widths_does() -> None:
    example = torch.zeros(1, 784)
    small, report = compress(_mlp(), example, "l1", 0.1)
    by_hand = nn.Sequential(
        nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10), nn.ReLU(), nn.Linear(10, 10)
    )
    assert count(small, example) == count(by_hand, example) == report.after
    assert report.before == count(_mlp(), example)
    assert sum(row.kept_macs for row in report.units) == 784 * 30 + 30 * 10


def test_buffers_count_as_bytes_but_not_as_parameters() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3, bias=False), nn.BatchNorm2d(4))
    cost = count(model.double(), torch.zeros(2, 1, 5, 5).double())
    # 36 weights, γ and β; running mean and variance; one counter.
    assert (cost.parameters, cost.macs, cost.bytes) == (44, 36 * 9, 8 * (44 + 8 + 1))
