"""Rewriters by tensor formats: what they execute is the weight they rebuild."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.rewriters.execution import Factorised, macs_ratio, multiply_adds
from baselines.rewriters.hierarchical_tucker import HierarchicalTucker
from baselines.rewriters.hybrid import Hybrid
from baselines.rewriters.protocol import (
    Bits,
    Layer,
    Parameters,
    Rewriter,
    Rewritten,
    UnsupportedLayer,
)
from baselines.rewriters.svd import SvdChannel, SvdSpatial
from baselines.rewriters.tensor_ring import TensorRing
from baselines.rewriters.tensor_train import TensorTrain
from baselines.rewriters.trains import tt_svd
from baselines.rewriters.tucker2 import Tucker2, hooi, tucker_parameters
from tropnnc import TropnncError

REWRITERS: dict[str, Rewriter] = {
    "svd_channel": SvdChannel(),
    "svd_spatial": SvdSpatial(),
    "tucker2": Tucker2(),
    "train_split": TensorTrain(),
    "train_merged": TensorTrain("merged"),
    "train_merged_3": TensorTrain("merged", 3),
    "hierarchical_split": HierarchicalTucker(),
    "hierarchical_merged": HierarchicalTucker("merged"),
    "hybrid": Hybrid(),
    "ring_split": TensorRing(),
    "ring_merged": TensorRing("merged"),
}
FIXED = {
    "hierarchical_split",
    "ring_split",
    "ring_any_mode_first",
}  # executed in turn whatever that takes
LAYERS = {
    "linear": lambda: nn.Linear(24, 30),
    "stride": lambda: nn.Conv2d(8, 12, 3, stride=2, padding=1),
    "valid": lambda: nn.Conv2d(8, 12, 3, bias=False),
    "oblong": lambda: nn.Conv2d(8, 12, (3, 5), (2, 1), (0, 2), (1, 2)),
    "point": lambda: nn.Conv2d(8, 12, 1, stride=2),
    "row": lambda: nn.Conv2d(8, 12, (1, 3), stride=2, padding=1),
}
FULL = 5.0


def made(kind: str) -> Layer:
    torch.manual_seed(0)
    return LAYERS[kind]()


def inputs(layer: Layer, batch: int = 2) -> Tensor:
    shape = (24,) if isinstance(layer, nn.Linear) else (8, 13, 11)
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(1))


def applied(layer: Layer, weight: Tensor, x: Tensor) -> Tensor:
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, layer.bias)
    return F.conv2d(x, weight, layer.bias, layer.stride, layer.padding, layer.dilation)


def rewritten(rewriter: Rewriter, layer: Layer, share: float) -> tuple[Rewritten, Factorised]:
    result = rewriter.rewrite(layer, Parameters(int(share * layer.weight.numel())))
    assert isinstance(result.module, Factorised)
    return result, result.module


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


@pytest.mark.parametrize("name", [name for name in REWRITERS if name not in FIXED])
def test_cores_run_in_turn_where_that_takes_less(name: str) -> None:
    """Either way the output is the same, and what torch counts is the lesser of the two."""
    torch.manual_seed(0)
    layer = nn.Conv2d(8, 12, 3, stride=2, padding=1)
    for share in (0.3, 3.0):
        result, module = rewritten(REWRITERS[name], layer, share)
        ratio = macs_ratio(layer, module)
        assert ratio == result.facts["macs_ratio"]
        assert result.facts["storage_only"] == (ratio >= 1)
        assert ratio < 1.01  # rebuilding 864 weights is little beside 64 maps


def test_a_chains_multiply_adds() -> None:
    """relatives.md B.1 (a): C r₁ HW + kh r₁ r₂ H'W + kw r₂ r₃ H'W' + r₃ O H'W'."""
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 24, 3, stride=2, padding=1)
    result, module = rewritten(TensorTrain(), layer, 0.2)
    r1, r2, r3 = result.facts["ranks"]
    expected = 16 * r1 * 256 + 3 * r1 * r2 * 8 * 16 + 3 * r2 * r3 * 64 + r3 * 24 * 64
    assert multiply_adds(module, (4, 16, 16, 16)) == expected


def test_tucker_multiply_adds() -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 24, 3, stride=2, padding=1)
    result, module = rewritten(Tucker2(), layer, 0.2)
    inner, outer = result.facts["ranks"]
    expected = 16 * inner * 256 + 9 * inner * outer * 64 + outer * 24 * 64
    assert multiply_adds(module, (4, 16, 16, 16)) == expected


@pytest.mark.parametrize(("rewriter", "side"), [(SvdChannel(), 64), (SvdSpatial(), 128)])
def test_multiply_adds_of_an_svd(rewriter: Rewriter, side: int) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(16, 24, 3, stride=2, padding=1)
    result, module = rewritten(rewriter, layer, 0.2)
    [rank] = result.facts["ranks"]
    first = 16 * (9 if side == 64 else 3) * side
    second = 24 * (1 if side == 64 else 3) * 64
    assert multiply_adds(module, (4, 16, 16, 16)) == rank * (first + second)


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


@pytest.mark.parametrize("name", REWRITERS)
@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (nn.Conv2d(8, 8, 3, groups=2), "2 groups"),
        (nn.Conv2d(8, 8, 3, padding="same"), "padding"),
        (nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"), "padding"),
        (nn.ConvTranspose2d(8, 8, 3), "ConvTranspose2d"),
        (nn.Linear(8, 8), "ranks of one take .* the budget is 6"),
    ],
)
def test_what_has_no_such_form(name: str, layer: Layer, reason: str) -> None:
    with pytest.raises(UnsupportedLayer, match=reason):
        REWRITERS[name].rewrite(layer, Parameters(6))


@pytest.mark.parametrize("name", REWRITERS)
def test_only_a_number_of_parameters_is_a_budget(name: str) -> None:
    with pytest.raises(TropnncError, match=r"accepted is Parameters\(count\)"):
        REWRITERS[name].rewrite(made("linear"), Bits(4))


@pytest.mark.parametrize("kind", ["linear", "stride"])
@pytest.mark.parametrize("name", REWRITERS)
def test_a_weight_of_zeros_stays_one(name: str, kind: str) -> None:
    layer = made(kind)
    nn.init.zeros_(layer.weight)
    result, module = rewritten(REWRITERS[name], layer, 0.5)
    assert (module.rebuilt() == 0).all()
    assert result.facts["relative_error"] == 0


def test_options_of_a_train() -> None:
    with pytest.raises(TropnncError, match="accepted are split, merged"):
        TensorTrain("mixed")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match="accepted are 2 and more"):
        TensorTrain("merged", 1)
    with pytest.raises(TropnncError, match="7 × 4 is not 30"):
        TensorTrain(shapes={30: (7, 4)})
