"""Uniform M-bit weights (Sun et al., AAAI 2019 and 2021; relatives.md A2), after training.

The paper clips weights to [−1, 1]; a scale ``α = max|W|`` per tensor or per output channel is
ours, so that a trained network can be written as it is. The codes of the odd grid are M vectors of
±1 (:mod:`baselines.rewriters.branches`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from baselines.rewriters.call import LayerCall, asked, copied
from baselines.rewriters.grids import GRIDS
from baselines.rewriters.protocol import WORD, Bits, Budget, Layer, Rewritten, UnsupportedLayer
from tropnnc.errors import check_choice

FLOAT16 = 2.0**-10  # above the relative error of rounding to it


@dataclass(frozen=True)
class UniformBits:
    """M bits a weight.

    Attributes:
        scale: one α per tensor, or one per output channel.
        grid: ``odd`` has 2^M levels and no zero; ``zero`` is symmetric, with one level fewer.
    """

    scale: Literal["tensor", "channel"] = "tensor"
    grid: Literal["odd", "zero"] = "odd"

    version = 2

    def __post_init__(self) -> None:
        check_choice("scale", self.scale, ("tensor", "channel"))
        check_choice("grid", self.grid, tuple(GRIDS))

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """``layer`` as codes and scales.

        Raises:
            UnsupportedLayer: more than 8 bits, or fewer than the grid's least (1, with a zero 2).
        """
        width, least = asked(budget, Bits).width, 1 if self.grid == "odd" else 2
        if not least <= width <= 8:
            raise UnsupportedLayer(f"{width} bits: the {self.grid} grid has {least} to 8")
        call, weight = LayerCall.of(layer), layer.weight.detach()
        alpha = scale_of(weight, self.scale)
        module = BitsLayer(call, self.grid, width, weight, alpha, layer.bias)
        row = weight[0].numel()
        facts = {
            "grid": self.grid, "scale": self.scale, "width": width,
            # Of bit vectors whose rows begin at whole words; not in the bits.
            "padding_bits": width * len(weight) * (-row % WORD),
        }  # fmt: skip
        return Rewritten(module, weight.numel() * width + WORD * alpha.numel(), facts)


def scale_of(weight: Tensor, per: str) -> Tensor:
    """``max|W|`` of the tensor or of each output channel, in a shape that broadcasts."""
    axes = tuple(range(1 if per == "channel" else 0, weight.dim()))
    return weight.abs().amax(dim=axes, keepdim=True)


class BitsLayer(nn.Module):
    """The stored form: ``codes`` uint8 in the weight's shape, ``scale``, ``bias``.

    The dense weight that it was made from is kept beside the state, unstored, because a learner
    starts from it.
    """

    def __init__(
        self,
        call: LayerCall,
        grid: str,
        width: int,
        weight: Tensor,
        scale: Tensor,
        bias: Tensor | None,
    ) -> None:
        super().__init__()
        self.call, self.grid, self.width = call, grid, width
        self.register_buffer("codes", GRIDS[grid].codes(weight, scale, width))
        self.register_buffer("scale", scale.clone())
        self.register_buffer("origin", weight.clone(), persistent=False)
        self.codes: Tensor
        self.scale: Tensor
        self.origin: Tensor
        self.bias = copied(bias)

    @property
    def weight(self) -> Tensor:
        """What the codes stand for, in the shape of the layer's weight."""
        return GRIDS[self.grid].values(self.codes, self.scale, self.width)

    def forward(self, x: Tensor) -> Tensor:
        """As the layer, in floats."""
        return self.call.apply(x, self.weight, self.bias)

    def learner(self) -> BitsLearner:
        """Dense weights in training, from those of before the rounding if these are still theirs.

        A scale may have been rounded to float16 since.
        """
        step = GRIDS[self.grid].step(self.scale, self.width)
        theirs = (self.origin - self.weight).abs() <= step / 2 + self.scale * FLOAT16
        return BitsLearner(self, self.origin if bool(theirs.all()) else self.weight)


class BitsLearner(nn.Module):
    """Dense ``weight`` whose forward pass is rounded to the grid of a fixed scale.

    The gradient passes straight through within ±α and stops outside.
    """

    def __init__(self, stored: BitsLayer, start: Tensor) -> None:
        super().__init__()
        self.call, self.grid, self.width = stored.call, stored.grid, stored.width
        self.register_buffer("scale", stored.scale.clone())
        self.scale: Tensor
        self.weight = nn.Parameter(start.detach().clone())
        self.bias = copied(stored.bias)

    def forward(self, x: Tensor) -> Tensor:
        """As the stored form of the present weights."""
        rounded = _Rounded.apply(self.weight, self.scale, self.grid, self.width)
        return self.call.apply(x, rounded, self.bias)

    def settled(self) -> BitsLayer:
        """The stored form of the present weights."""
        weight = self.weight.detach()
        return BitsLayer(self.call, self.grid, self.width, weight, self.scale, self.bias)


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, scale: Tensor, grid: str, width: int) -> Tensor:
        ctx.save_for_backward(weight, scale)
        return GRIDS[grid].values(GRIDS[grid].codes(weight, scale, width), scale, width)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        weight, scale = ctx.saved_tensors
        return gradients[0] * (weight.abs() <= scale), None, None, None
