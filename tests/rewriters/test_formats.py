"""Rewriters by tensor formats: what they execute is the weight they rebuild."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.rewriters.protocol import Layer
from baselines.rewriters.tensor_train import TensorTrain
from baselines.rewriters.trains import tt_svd
from baselines.rewriters.tucker2 import hooi, tucker_parameters
from tests.rewriters.formats import FULL, LAYERS, REWRITERS, inputs, made, rewritten


def applied(layer: Layer, weight: Tensor, x: Tensor) -> Tensor:
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, layer.bias)
    return F.conv2d(x, weight, layer.bias, layer.stride, layer.padding, layer.dilation)


@pytest.mark.parametrize("share", [0.4, 0.8, FULL])
@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("name", REWRITERS)
def test_forward_is_the_layer_with_the_rebuilt_weight(name: str, kind: str, share: float) -> None:
    layer = made(kind)
    result, module = rewritten(REWRITERS[name], layer, share)
    x = inputs(layer)
    weight = module.rebuilt()
    torch.testing.assert_close(module(x), applied(layer, weight, x), atol=1e-5, rtol=1e-5)
    numel = sum(core.numel() for core in module.cores)
    assert numel == result.facts["parameters"] <= share * layer.weight.numel()
    assert result.bits == 32 * numel
    bias = [] if layer.bias is None else ["bias"]
    assert sorted(module.state_dict()) == bias + [f"cores.{k}" for k in range(len(module.cores))]
    missed = (layer.weight - weight).norm() / layer.weight.norm()
    assert result.facts["relative_error"] == pytest.approx(missed.item(), abs=1e-6)
    if share == FULL:
        assert missed < 1e-6
        assert result.facts["storage_only"]


def test_hooi_is_a_better_optimiser_than_tt_svd() -> None:
    """relatives.md B.1 (b): both have 1,376 parameters; .7676 and .7847 on another draw."""
    kernel = torch.randn(32, 16, 3, 3, generator=torch.Generator().manual_seed(0)).double()
    first, middle, last = hooi(kernel, (8, 12))
    assert first.numel() + middle.numel() + last.numel() == 1376
    assert tucker_parameters(kernel.shape, (8, 12)) == 1376
    tucker = torch.einsum("rcxy,srhw,osxy->ochw", first, middle, last)
    flat = kernel.permute(1, 2, 3, 0).reshape(16, 9, 32)
    cores = tt_svd(flat, (8, 12))
    assert sum(core.numel() for core in cores) == 1376
    train = torch.einsum("xcr,rks,soy->cko", *cores)
    errors = [
        float((exact - format_).norm() / kernel.norm())
        for exact, format_ in ((kernel, tucker), (flat, train))
    ]
    assert errors[0] < errors[1]
    assert errors == pytest.approx([0.7676, 0.7847], abs=0.01)


def test_leading_dimensions_of_a_linear_input_stay() -> None:
    layer = made("linear")
    _, module = rewritten(TensorTrain(), layer, 0.5)
    x = torch.randn(2, 3, 24)
    assert module(x).shape == (2, 3, 30)
    torch.testing.assert_close(module(x)[1, 2], module(x[1, 2]))


@pytest.mark.parametrize("kind", ["linear", "stride"])
@pytest.mark.parametrize("name", REWRITERS)
def test_every_core_trains(name: str, kind: str) -> None:
    layer = made(kind)
    _, module = rewritten(REWRITERS[name], layer, 0.5)
    module(inputs(layer)).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


@pytest.mark.parametrize("name", REWRITERS)
def test_the_layer_is_not_touched(name: str) -> None:
    layer = made("stride")
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    _, module = rewritten(REWRITERS[name], layer, FULL)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    assert all(torch.equal(before[key], value) for key, value in layer.state_dict().items())


@pytest.mark.parametrize("kind", ["linear", "stride"])
@pytest.mark.parametrize("name", REWRITERS)
def test_a_weight_of_zeros_stays_one(name: str, kind: str) -> None:
    layer = made(kind)
    nn.init.zeros_(layer.weight)
    result, module = rewritten(REWRITERS[name], layer, 0.5)
    assert (module.rebuilt() == 0).all()
    assert result.facts["relative_error"] == 0
