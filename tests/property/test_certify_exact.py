"""Certificates whose value is known: attained bounds, errors of 0, and what is added to them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from tests.contract.methods import make
from tests.networks import ZOO, build, images
from tests.property.certifying import certified, compressed, largest_gap
from tropnnc import certify, compress


def test_one_layer_between_sum_rule_and_truth() -> None:
    """(B5) attained: ``‖C‖·ρ·‖w − w̃‖`` on the input along ``w − w̃``, both neurons active."""
    hidden, out = nn.Linear(1, 2).double(), nn.Linear(2, 1).double()
    model = nn.Sequential(hidden, nn.ReLU(), out)
    with torch.no_grad():
        hidden.weight.copy_(torch.tensor([[2.0], [1.0]]))
        hidden.bias.copy_(torch.tensor([2.0, 1.0]))
        out.weight.copy_(torch.tensor([[1.0, -1.0]]))
    small, report = compress(model, torch.zeros(1, 1).double(), make("tropnnc"), 0.5)
    certificate = certify(model, small, torch.zeros(1, 1).double(), 2.0, report)
    one = torch.full((1, 1), 2.0, dtype=torch.float64)
    assert float((model(one) - small(one)).detach().abs()) == pytest.approx(3.0)
    assert certificate.bound == pytest.approx(3.0)


def test_a_flattened_map_of_constants_attains_it() -> None:
    """Neurons 1 and 3 become 2 at 16 positions that all add up: 32, where squares would give 8."""
    producer, out = nn.Conv2d(1, 2, 3, padding=1).double(), nn.Linear(32, 1).double()
    model = nn.Sequential(producer, nn.ReLU(), nn.Flatten(), out)
    with torch.no_grad():
        producer.weight.zero_()
        producer.get_parameter("bias").copy_(torch.tensor([1.0, 3.0]))
        out.weight.copy_(torch.tensor([1.0, -1.0]).repeat_interleave(16))
    inputs = torch.zeros(1, 1, 4, 4).double()
    small, report = compress(model, inputs, make("tropnnc"), 0.5)
    assert float((model(inputs) - small(inputs)).detach().abs()) == pytest.approx(32)
    assert certify(model, small, inputs, 0.0, report).bound == pytest.approx(32)


def test_an_overlapping_max_pool_attains_it() -> None:
    """A lost neuron's impulse fills nine windows: three times its norm."""
    producer, out = nn.Conv2d(1, 2, 1, bias=False).double(), nn.Conv2d(2, 1, 1).double()
    model = nn.Sequential(producer, nn.ReLU(), nn.MaxPool2d(3, 1, 1), out)
    with torch.no_grad():
        producer.weight.copy_(torch.tensor([1.0, 2.0]).reshape(2, 1, 1, 1))
        out.weight.copy_(torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1))
    impulse = torch.zeros(1, 1, 5, 5).double()
    impulse[..., 2, 2] = 7.0
    small, report = compress(model, impulse, make("l1"), 0.5)
    assert float((model(impulse) - small(impulse)).detach().norm()) == pytest.approx(21)
    assert certify(model, small, impulse, 7.0, report).bound == pytest.approx(21)


@pytest.mark.parametrize("network", list(ZOO))
def test_nothing_removed_costs_nothing(network: str) -> None:
    dense, small, report = compressed("tropnnc", network, ratio=1.0)
    certificate = certified(network, dense, small, 10.0, report)
    assert (certificate.bound, certificate.units, certificate.rest) == (0.0, (), 0.0)


def test_copies_merge_for_free() -> None:
    dense = build("resnet").double()
    with torch.no_grad():
        for name, tensor in dense.state_dict().items():
            if name.startswith(("block1.conv1", "block1.bn1")) and tensor.ndim:
                tensor[4:] = tensor[:4]
    example = images("resnet", 1).double()
    small, report = compress(dense, example, make("tropnnc_spherical"), 0.5, scope=["block1.conv1"])
    assert certify(dense, small, example, 3.0, report).bound < 1e-9
    assert certify(dense, small, example, 3.0).bound < 1e-9


def test_it_is_affine_in_the_radius() -> None:
    """One Lipschitz constant, one constant from the biases, up to which rule is the smaller."""
    dense, small, report = compressed("tropnnc", "lenet5")
    origin, near, far = (certified("lenet5", dense, small, r, report).bound for r in (0, 1e3, 1e4))
    assert largest_gap(dense, small, ZOO["lenet5"].input, 0.0, steps=1) <= origin < near
    assert (far - origin) / (near - origin) == pytest.approx(10, rel=0.05)


def test_a_changed_consumer_is_in_the_bound() -> None:
    """Fine-tuning after the compression: what no mixing matrix explains is the rest."""
    dense, small, report = compressed("tropnnc", "mlp")
    before = certified("mlp", dense, small, 3.0, report)
    with torch.no_grad():
        small.get_parameter("6.weight").add_(0.5)
        small.get_parameter("6.bias").add_(1.0)
    after = certified("mlp", dense, small, 3.0, report)
    assert before.rest < 1e-9
    assert after.rest > 1
    assert after.bound - after.rest == pytest.approx(before.bound - before.rest)
    assert largest_gap(dense, small, (1, 4, 4), 3.0) <= after.bound
