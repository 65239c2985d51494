"""Batch norm folded and given back on whole networks for CIFAR."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from experiments.networks_cifar import CifarVGG, ResNet
from experiments.recalibration import recalibrated
from tropnnc import compress, inspect, make_method

IMAGE = torch.zeros(1, 3, 32, 32)
NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "vgg": lambda: CifarVGG(0.125, 10),
    "resnet": lambda: ResNet(8, 10),
}


def network(name: str, seed: int) -> nn.Module:
    """Random weights, and batch norms as after a training: no factor is 1, some are negative."""
    torch.manual_seed(seed)
    model = NETWORKS[name]().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 0.8, 0.5)
            nn.init.normal_(module.bias, 0.1, 0.3)
            module.get_buffer("running_mean").normal_(0.0, 0.3)
            module.get_buffer("running_var").uniform_(0.3, 3.0)
    return model


def double_neurons(model: nn.Module) -> None:
    """Make neurons 2i and 2i + 1 of every unit the same; their outgoing weights stay different."""
    modules = dict(model.named_modules())
    names = list(modules)
    with torch.no_grad():
        for unit in inspect(model, IMAGE).units:
            behind = names[names.index(unit.name) + 1]  # the batch norm, in both networks
            for name in (unit.name, *([behind] if unit.kind == "conv" else [])):
                for value in modules[name].state_dict().values():
                    if value.ndim:
                        value[1::2] = value[0::2]


def images(seed: int, count: int = 6) -> Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(seed))


def relative(one: Tensor, other: Tensor) -> float:
    return float((one - other).norm() / other.norm())


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 1000))
def test_merging_equal_neurons_leaves_the_function_re_calibrated_or_not(
    name: str, seed: int
) -> None:
    model, batch = network(name, seed), images(seed)
    double_neurons(model)
    small, report = compress(
        model, IMAGE, make_method("tropnnc", features="incoming"), 0.5, seed=seed
    )
    assert all(unit.kept == unit.neurons // 2 for unit in report.units)
    with torch.no_grad():
        assert relative(small(batch), model(batch)) < 1e-3
        again = [recalibrated(m, batch)(batch) for m in (small, model)]
    # A batch norm's eps weighs on folded rows as on raw ones only where it is negligible.
    assert relative(again[0], again[1]) < 0.02
    assert relative(again[1], model(batch).detach()) > 0.2  # it was no re-calibration otherwise


@pytest.mark.parametrize("method", ["l1", "l1_folded", "random", "cup"])
@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 1000))
def test_selecting_neurons_silences_the_others(name: str, method: str, seed: int) -> None:
    """The dense network, γ and β of what was dropped set to 0, and its linear rows."""
    model, batch = network(name, seed), images(seed, 2)
    small, report = compress(model, IMAGE, method, 0.5, seed=seed)
    modules, names = dict(model.named_modules()), [n for n, _ in model.named_modules()]
    with torch.no_grad():
        expected = small(batch)
        for unit in report.units:
            kept = report.mixes[unit.name].nonzero()[0]
            dropped = torch.ones(unit.neurons, dtype=torch.bool)
            dropped[torch.from_numpy(kept).long()] = False
            behind = names[names.index(unit.name) + 1]  # the batch norm, in both networks
            silenced = behind if unit.kind == "conv" else unit.name
            for key in ("weight", "bias"):
                modules[silenced].get_parameter(key)[dropped] = 0
        assert relative(model(batch), expected) < 1e-5
