"""The certificate is never passed: by random inputs, nor by gradient ascent on the ball."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.contract.methods import METHODS, PAIRS, SEQUENTIAL, SINGLE_OUTPUT, make
from tests.networks import ZOO
from tests.property.certifying import RADII, Signed, certified, compressed, largest_gap
from tropnnc import certify, compress
from tropnnc.protocols import ORDERS, Order

# Fits of every tap leave no mixing matrix: their certificate is that of any two networks.
TAPS = {"channel_pruning", "sequential_ls", "synthetic_ls", "tropnnc_synthetic"}
CERTIFIED = [
    (method, network, order)
    for method, network in PAIRS
    for order in ORDERS
    if ZOO[network].homogeneous and (order == "sequential" or method not in SEQUENTIAL)
]


@pytest.mark.parametrize("method", METHODS)
def test_a_small_network_stays_within_it(method: str) -> None:
    network = "binary" if method in SINGLE_OUTPUT else "mlp"
    dense, small, report = compressed(method, network, make(method).order)
    gap = largest_gap(dense, small, ZOO[network].input, radius=3.0)
    known = certified(network, dense, small, 3.0, report)
    assert 0 < gap <= known.bound
    assert gap <= certified(network, dense, small, 3.0).bound
    mixed = set() if method in TAPS else {unit.name for unit in known.units}
    assert set(report.mixes) == mixed


@pytest.mark.slow
@pytest.mark.parametrize(("method", "network", "order"), CERTIFIED)
def test_every_method_on_every_network_in_both_orders(
    method: str, network: str, order: Order
) -> None:
    dense, small, report = compressed(method, network, order)
    gaps = [largest_gap(dense, small, ZOO[network].input, radius) for radius in RADII]
    for gap, radius in zip(gaps, RADII, strict=True):
        assert gap <= certified(network, dense, small, radius, report).bound
        assert gap <= certified(network, dense, small, radius).bound
    assert gaps[-1] > 0


@pytest.mark.parametrize("method", ["tropnnc", "thinet_full"])
@pytest.mark.parametrize("network", ["lenet5", "vgg", "resnet", "branches"])
def test_two_methods_on_every_convolutional_network(method: str, network: str) -> None:
    dense, small, report = compressed(method, network, ratio=0.7)
    gap = largest_gap(dense, small, ZOO[network].input, 30.0, steps=5)
    assert 0 < gap <= certified(network, dense, small, 30.0, report).bound


class Overlap(nn.Module):
    """Overlapping max-pools on either side of the ReLU, then a residual sum."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 5, 3, padding=1)
        self.skip, self.head = nn.Conv2d(1, 5, 1, stride=4), nn.Linear(20, 3)

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.max_pool2d(F.relu(F.max_pool2d(self.first(x), 3, 2, 1)), 3, 2, 1)
        return self.head((self.second(hidden) + self.skip(x)).flatten(1))


@settings(max_examples=10, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from(["misiakos", "tropnnc", "l1", "signed"]),
    st.integers(0, 2),
)
def test_overlapping_pools_and_large_positive_weights(seed: int, method: str, size: int) -> None:
    """Weights of one sign on constant-sign maps: errors of taps and windows add up."""
    torch.manual_seed(seed)
    model = Overlap().double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((parameter.abs() if seed % 2 else parameter) * 10 ** (size - 1))
    example = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    reducer = Signed() if method == "signed" else make(method)
    small, report = compress(model, example, reducer, 0.4, seed=seed)
    radius = RADII[seed % 3]
    gap = largest_gap(model, small, (1, 8, 8), radius, steps=5)
    assert gap <= certify(model, small, example, radius, report).bound
    assert gap <= certify(model, small, example, radius).bound
