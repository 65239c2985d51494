"""Certificates where the ReLU is clipped: passed, never as if neurons could be rescaled."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.contract.methods import make
from tests.networks import build, images
from tests.property.certifying import RADII, Signed, largest_gap
from tropnnc import Reduction, Unit, certify, compress
from tropnnc.errors import UnsupportedUnit


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from(["misiakos", "tropnnc", "l1", "signed"]),
    st.integers(0, 2),
)
def test_relu6_is_passed(seed: int, method: str, size: int) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(4, 9), nn.ReLU6(), nn.Linear(9, 8), nn.Hardtanh(0.0, 2.0), nn.Linear(8, 3)
    ).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(10.0 ** (size - 1))
    example = torch.zeros(1, 4, dtype=torch.float64)
    reducer = Signed() if method == "signed" else make(method)
    small, report = compress(model, example, reducer, 0.4, seed=seed)
    radius = RADII[seed % 3]
    gap = largest_gap(model, small, (4,), radius)
    assert gap <= certify(model, small, example, radius, report).bound * (1 + 1e-9)
    assert gap <= certify(model, small, example, radius).bound * (1 + 1e-9)


class TenTimes(Signed):
    """The first neuron's row divided by ten, its column times ten."""

    def reduce(self, state: tuple[Unit, np.random.Generator], k: int) -> Reduction:
        combination, mix = np.array([[0.1, 0.0]]), np.array([[10.0], [0.0]])
        return Reduction(combination @ state[0].incoming, mix, combination=combination)


@pytest.mark.parametrize(("activation", "gap"), [(nn.ReLU(), 0.0), (nn.ReLU6(), 54.0)])
def test_a_rescaled_neuron_is_free_unless_its_relu_is_clipped(
    activation: nn.Module, gap: float
) -> None:
    """``10·relu6(x)`` for ``relu6(10 x)``: 54 apart at 6."""
    hidden, out = nn.Linear(1, 2, bias=False), nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        hidden.weight.copy_(torch.tensor([[10.0], [0.0]]))
        out.weight.fill_(1.0)
    model, six = nn.Sequential(hidden, activation, out).double(), torch.full((1, 1), 6.0).double()
    small, report = compress(model, six, TenTimes(), 0.5)
    assert float((model(six) - small(six)).detach().abs()) == pytest.approx(gap)
    bounds = [certify(model, small, six, 6.0, each).bound for each in (report, None)]
    assert min(bounds) >= gap - 1e-9
    assert max(bounds) < 1e-6 or gap


@pytest.mark.parametrize(("network", "unit"), [("inverted", "last.0"), ("shuffle", "branch.5")])
def test_depthwise_convolutions_of_units_left_whole_are_passed(network: str, unit: str) -> None:
    dense, example = build(network).double(), images(network, 1).double()
    small, report = compress(dense, example, "tropnnc", 0.5, scope=[unit])
    gap = largest_gap(dense, small, example.shape[1:], 3.0, steps=5)
    assert 0 < gap <= certify(dense, small, example, 3.0, report).bound


@pytest.mark.parametrize(
    ("network", "unit", "stage"),
    [("inverted", "stem.0", "depthwise"), ("shuffle", "wide", "first")],
)
def test_a_reduced_unit_with_a_depthwise_convolution_is_refused(
    network: str, unit: str, stage: str
) -> None:
    dense, example = build(network).double(), images(network, 1).double()
    for ratio in (0.01, 0.5):
        small, report = compress(dense, example, "tropnnc", ratio, scope=[unit])
        with pytest.raises(
            UnsupportedUnit, match=rf"^{unit}: .* depthwise .*\({stage}\)"
        ) as raised:
            certify(dense, small, example, 1.0, report)
        assert "\n" not in str(raised.value)
