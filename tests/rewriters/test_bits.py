"""M-bit weights: grids, the module, training through the grid."""

from __future__ import annotations

from typing import Literal

import pytest
import torch
from torch import nn

from baselines.rewriters.bits import BitsLayer, UniformBits, scale_of
from baselines.rewriters.grids import OddGrid, ZeroGrid
from baselines.rewriters.protocol import (
    Bits,
    Layer,
    Learnable,
    Learner,
    Parameters,
    Rewriter,
    UnsupportedLayer,
)  # fmt: skip
from tests.rewriters.small_layers import NAMES, images, layer
from tropnnc import TropnncError

Grid = Literal["odd", "zero"]
Scale = Literal["tensor", "channel"]
SCALES: tuple[Scale, ...] = ("tensor", "channel")


def stored(own: Layer, width: int, rewriter: UniformBits | None = None) -> BitsLayer:
    module = (rewriter or UniformBits()).rewrite(own, Bits(width)).module
    assert isinstance(module, BitsLayer)
    return module


def test_golden_codes() -> None:
    x = torch.tensor([-1, -0.8, -0.34, 0, 0.3, 0.67, 1])
    assert OddGrid().codes(x, torch.ones(1), 2).tolist() == [0, 0, 1, 2, 2, 3, 3]


@pytest.mark.parametrize("width", range(1, 9))
@pytest.mark.parametrize("scale", SCALES)
def test_the_odd_grid_is_near_has_its_ends_and_no_zero(width: int, scale: Scale) -> None:
    own = layer("conv")
    with torch.no_grad():
        own.weight[0, 0, 0, 0] = 0
    module = stored(own, width, UniformBits(scale))
    alpha, weight = scale_of(own.weight.detach(), scale), own.weight.detach()
    assert torch.equal(module.scale, alpha)
    least = float(alpha.flatten()[0]) / (2**width - 1)
    assert float(module.weight[0, 0, 0, 0]) == pytest.approx(least)
    assert ((module.weight - weight).abs() <= alpha / (2**width - 1) * (1 + 1e-5)).all()
    ends = weight.abs() == alpha
    assert torch.equal(module.weight[ends], weight[ends])
    assert torch.equal(OddGrid().codes(module.weight, alpha, width), module.codes)


@pytest.mark.parametrize("width", range(2, 9))
def test_the_zero_grid_is_torchs_fake_quantisation(width: int) -> None:
    weight = torch.randn(20, 30, generator=torch.Generator().manual_seed(width))
    half = 2 ** (width - 1) - 1
    for per in SCALES:
        alpha = scale_of(weight, per)
        own = ZeroGrid().values(ZeroGrid().codes(weight, alpha, width), alpha, width)
        step, zeros = (alpha / half).flatten(), torch.zeros(alpha.numel(), dtype=torch.int32)
        if per == "tensor":
            theirs = torch.fake_quantize_per_tensor_affine(weight, step, zeros, -half, half)
        else:
            theirs = torch.fake_quantize_per_channel_affine(weight, step, zeros, 0, -half, half)
        assert torch.equal(own, theirs)


@pytest.mark.parametrize("grid", ["odd", "zero"])
def test_weights_that_are_all_zero_stay_zero(grid: Grid) -> None:
    own = nn.Linear(4, 3)
    nn.init.zeros_(own.weight)
    for scale in SCALES:
        assert not stored(own, 3, UniformBits(scale, grid)).weight.any()


def test_a_scale_without_an_inverse_gives_zeros() -> None:
    """Of a channel that training let die: 1/(α/q) overflows, and times 0 it is NaN."""
    weight = torch.tensor([[1e-39, 0, -1e-39], [1, 0, -0.5]])
    codes = ZeroGrid().codes(weight, scale_of(weight, "channel"), 8)
    assert codes.tolist() == [[127, 127, 127], [254, 127, 63]]


@pytest.mark.parametrize("name", [*NAMES, "grouped"])
def test_the_module_computes_the_layer_of_its_codes(name: str) -> None:
    own = layer(name)
    rewriter = UniformBits("channel")
    assert isinstance(rewriter, Rewriter)
    module, x = stored(own, 5, rewriter), images(own)
    assert set(module.state_dict()) - {"bias"} == {"codes", "scale"}
    assert module.codes.dtype == torch.uint8
    with torch.no_grad():
        own.weight.copy_(module.weight)
    assert torch.equal(module(x), own(x))


def test_bits_and_padding() -> None:
    own = nn.Linear(70, 6)
    one = UniformBits().rewrite(own, Bits(3))
    assert one.bits == 3 * 420 + 32
    assert one.facts == {"grid": "odd", "scale": "tensor", "width": 3, "padding_bits": 3 * 6 * 26}
    each = UniformBits("channel", "zero").rewrite(own, Bits(3))
    assert each.bits == 3 * 420 + 32 * 6
    assert each.facts["grid"] == "zero"


def test_refusals() -> None:
    refused: list[tuple[Grid, int, str]] = [("odd", 0, "1"), ("odd", 9, "1"), ("zero", 1, "2")]
    for grid, width, accepted in refused:
        with pytest.raises(UnsupportedLayer, match=f"{width} bits: the {grid} grid has {accepted}"):
            UniformBits("tensor", grid).rewrite(nn.Linear(3, 2), Bits(width))
    with pytest.raises(UnsupportedLayer, match="takes Bits"):
        UniformBits().rewrite(nn.Linear(3, 2), Parameters(4))
    with pytest.raises(TropnncError, match="unknown grid"):
        UniformBits(grid="log")  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("grid", ["odd", "zero"])
@pytest.mark.parametrize("scale", SCALES)
def test_a_learner_settles_into_the_same_function(scale: Scale, grid: Grid) -> None:
    own = layer("conv")
    x, module = images(own), stored(own, 3, UniformBits(scale, grid))
    assert isinstance(module, Learnable)
    learner = module.learner()
    assert isinstance(learner, Learner)
    assert torch.equal(learner.weight, own.weight)  # dense, from before the rounding
    assert torch.equal(learner(x), module(x))
    codes, alpha = module.codes.clone(), module.scale.clone()
    optimizer = torch.optim.SGD(learner.parameters(), 0.05)
    for _ in range(10):
        optimizer.zero_grad()
        (learner(x) - 1).square().mean().backward()
        optimizer.step()
    after = learner.settled()
    assert torch.equal(after(x), learner(x))
    assert (after.codes != codes).any()
    assert torch.equal(after.scale, alpha)
    assert torch.equal(module.codes, codes)


def test_the_gradient_passes_straight_through_and_stops_beyond_the_scale() -> None:
    own = nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        own.weight.copy_(torch.tensor([[0.2, -1, 0.7]]))
    learner = stored(own, 2).learner()
    with torch.no_grad():
        learner.weight[0, 2] = 1.5
    learner(torch.tensor([[3.0, 5, 7]])).sum().backward()
    assert learner.weight.grad is not None
    assert learner.weight.grad.tolist() == [[3, 5, 0]]
    assert learner.settled().weight.tolist()[0][2] == 1


def test_a_learner_starts_from_what_is_stored_where_that_is_no_longer_the_origin() -> None:
    own = layer("linear")
    module = stored(own, 4)
    module.load_state_dict(stored(layer("linear", seed=5), 4).state_dict())
    assert torch.equal(module.learner().weight, module.weight)


@pytest.mark.parametrize("width", [1, 2, 3, 8])
@pytest.mark.parametrize("scale", ["tensor", "channel"])
def test_rounding_the_scale_to_float16_leaves_the_learner_its_dense_weights(
    scale: Scale, width: int
) -> None:
    own = layer("conv")
    module = stored(own, width, UniformBits(scale))
    module.scale.copy_(module.scale.half())
    assert torch.equal(module.learner().weight, own.weight)
