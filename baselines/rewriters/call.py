"""How a layer uses its weight, for modules that store the weight in another form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.rewriters.protocol import Budget, Layer, UnsupportedLayer
from tropnnc.errors import check_finite
from tropnnc.unit import IntArray

Kind = TypeVar("Kind", bound=Budget)


@dataclass(frozen=True)
class Convolution:
    """The options of a convolution; ``frame`` is its padding where that is not of zeros."""

    stride: tuple[int, ...]
    padding: tuple[int, ...] | str
    dilation: tuple[int, ...]
    groups: int
    frame: tuple[int, ...]
    mode: str


@dataclass(frozen=True)
class LayerCall:
    """The call of a layer without its numbers.

    Attributes:
        shape: of the weight, ``[out, in]`` or ``[out, in / groups, kh, kw]``.
        convolution: None for a linear layer.
    """

    shape: tuple[int, ...]
    convolution: Convolution | None

    @staticmethod
    def of(layer: Layer) -> LayerCall:
        """That of ``layer``.

        Raises:
            UnsupportedLayer: neither a linear layer nor a convolution, or one that computes
                something else.
            TropnncError: NaN or infinite weights.
        """
        if type(layer).forward not in (nn.Linear.forward, nn.Conv2d.forward):
            raise UnsupportedLayer(
                f"{type(layer).__name__} has no stored form; accepted are Linear and Conv2d"
            )
        check_finite({"the weight": layer.weight.detach()})
        return LayerCall(tuple(layer.weight.shape), _convolution(layer))

    def apply(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer's output with another ``weight``, whose number of rows may differ."""
        conv = self.convolution
        if conv is None:
            return F.linear(x, weight, bias)
        padding = conv.padding
        if conv.mode != "zeros":
            x, padding = F.pad(x, list(conv.frame), mode=conv.mode), 0
        return F.conv2d(x, weight, bias, conv.stride, padding, conv.dilation, conv.groups)


def _convolution(layer: Layer) -> Convolution | None:
    if isinstance(layer, nn.Linear):
        return None
    padding = layer.padding if isinstance(layer.padding, str) else tuple(layer.padding)
    frame = tuple(layer._reversed_padding_repeated_twice)
    mode = layer.padding_mode
    return Convolution(layer.stride, padding, layer.dilation, layer.groups, frame, mode)


def copied(bias: Tensor | None) -> nn.Parameter | None:
    """A parameter of its own."""
    return None if bias is None else nn.Parameter(bias.detach().clone())


def asked(budget: Budget, kind: type[Kind]) -> Kind:
    """``budget`` if it is of ``kind``.

    Raises:
        UnsupportedLayer: it is of another.
    """
    if not isinstance(budget, kind):
        found = type(budget).__name__
        raise UnsupportedLayer(f"a budget of {found} is not accepted; it takes {kind.__name__}")
    return budget


def compact(numbers: IntArray) -> Tensor:
    """Integers of 0 and more in the smallest of uint8, int16, int32 and int64 that holds them."""
    largest = int(numbers.max(initial=0))
    for dtype in (np.uint8, np.int16, np.int32):
        if largest <= np.iinfo(dtype).max:
            return torch.from_numpy(numbers.astype(dtype))
    return torch.from_numpy(numbers.astype(np.int64))
