"""Shapes and multiply-adds without numbers, and with them where a network asks for some."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.networks import ZOO, build, images
from tropnnc import compress, cost
from tropnnc.cost import count, macs_by_module
from tropnnc.graph import discover, run_on_meta
from tropnnc.graph.trace import macs as trace_macs
from tropnnc.graph.trace import shape, trace


def refused(*_: Any) -> None:
    raise NotImplementedError


@pytest.mark.parametrize("network", list(ZOO))
def test_the_same_without_numbers(network: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, example = build(network), images(network, 2)
    macs = macs_by_module(model, example)
    recorded = [(shape(node), trace_macs(node)) for node in trace(model, example).nodes]
    monkeypatch.setattr(cost, "run_on_meta", refused)
    monkeypatch.setattr("tropnnc.graph.trace.run_on_meta", refused)
    assert macs_by_module(model, example) == macs
    again = trace(model, example).nodes
    assert [(shape(node), trace_macs(node)) for node in again] == recorded


@pytest.mark.parametrize("network", list(ZOO))
def test_the_cost_of_what_is_left_is_that_of_the_network(network: str) -> None:
    model, example = build(network), images(network, 2)
    small, report = compress(model, example, "l1", 0.4)
    assert report.before == count(model, example)
    assert report.after == count(small, example)
    macs = macs_by_module(small, example)
    assert {row.name: row.kept_macs for row in report.units} == {n: macs[n] for n in report.widths}


class Shifted(nn.Module):
    """Adds a tensor that is neither parameter nor buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.last = nn.Linear(3, 4), nn.Linear(4, 2)
        self.shift = torch.ones(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.layer(x) + self.shift))


class Multiplying(nn.Module):
    """Multiplies outside of layers too, and in layers that fx sees through or torch computes."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(2, 6, 3, padding=1), nn.Linear(5, 2)
        self.grouped, self.back = nn.Conv2d(6, 4, 3, groups=2), nn.ConvTranspose2d(4, 3, 2)
        self.scaled = nn.utils.parametrizations.weight_norm(nn.Linear(4, 5))
        self.matrix = nn.Parameter(torch.rand(5, 5))
        self.attention = nn.MultiheadAttention(5, 1, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.back(self.grouped(torch.relu(self.first(x))))
        x = F.linear(self.scaled(x.flatten(2)[..., :4]) @ self.matrix, self.matrix)
        return self.last(torch.relu(self.last(self.attention(x, x, x)[0]).repeat(1, 1, 3)[..., :5]))


@pytest.mark.parametrize("samples", [1, 3])
def test_what_is_multiplied_outside_of_layers_counts(samples: int) -> None:
    model, example = Multiplying().eval(), torch.rand(samples, 2, 5, 5)
    expected, found = macs_by_module(model, example), discover(model, example).macs
    assert {name: expected[name] for name in found} == found
    assert {"", "first", "grouped", "back", "scaled", "attention", "last"} <= found.keys()
    assert expected[""] > sum(found[name] for name in found if name)


def test_a_network_with_tensors_of_its_own_is_run_on_numbers() -> None:
    model, example = Shifted(), torch.rand(5, 3)
    with pytest.raises(RuntimeError, match="meta"):
        run_on_meta(model, [example])
    expected = {"": 20, "layer": 12, "last": 8}
    assert macs_by_module(model, example) == discover(model, example).macs == expected


def test_a_batch_norm_of_other_channels_is_still_refused() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(5)).eval()
    with pytest.raises(RuntimeError):
        run_on_meta(model, [torch.rand(2, 3)])
