"""Stride, padding and dilation of a convolution, and of the ones it is taken apart into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn

Pair = tuple[int, int]


@dataclass(frozen=True)
class Geometry:
    """Of a convolution along (height, width)."""

    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    @classmethod
    def of(cls, layer: nn.Conv2d) -> Geometry:
        """That of ``layer``, whose padding is by numbers."""
        pairs = (layer.stride, layer.padding, layer.dilation)
        return cls(*(cast(Pair, tuple(pair)) for pair in pairs))

    @property
    def vertical(self) -> Geometry:
        """Its first half: along the height only."""
        (s, _), (p, _), (d, _) = self.stride, self.padding, self.dilation
        return Geometry((s, 1), (p, 0), (d, 1))

    @property
    def horizontal(self) -> Geometry:
        """Its second half: along the width only."""
        (_, s), (_, p), (_, d) = self.stride, self.padding, self.dilation
        return Geometry((1, s), (0, p), (1, d))

    def convolve(self, x: Tensor, kernel: Tensor, bias: Tensor | None) -> Tensor:
        """``x`` (batch, C, height, width) by ``kernel`` (O, C, kh, kw)."""
        return F.conv2d(x, kernel, bias, self.stride, self.padding, self.dilation)

    def out(self, shape: Sequence[int], kernel: Sequence[int]) -> tuple[int, ...]:
        """Shape that an input of ``shape`` leaves with."""
        lengths = zip(shape[-2:], kernel[2:], self.stride, self.padding, self.dilation, strict=True)
        return (
            *shape[:-3],
            kernel[0],
            *((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in lengths),
        )

    def macs(self, shape: Sequence[int], kernel: Sequence[int]) -> int:
        """Multiply-adds on an input of ``shape``, padding included."""
        out = self.out(shape, kernel)
        return prod(kernel) * prod(out[-2:]) * prod(out[:-3])


POINT = Geometry()
