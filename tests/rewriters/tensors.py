"""Tensors and layers that several tests of formats decompose."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.rewriters.protocol import Layer, Parameters

LAYERS = {
    "linear": (lambda: nn.Linear(24, 30), (24,)),
    "conv": (lambda: nn.Conv2d(8, 12, (3, 2), (2, 1), (1, 0), (1, 2)), (8, 9, 7)),
}


def reciprocal() -> Tensor:
    """relatives.md B.10: 1/(1 + i + j + k + l) of 4 × 4 × 4 × 4."""
    i = torch.arange(4, dtype=torch.float64)
    return 1 / (1 + i[:, None, None, None] + i[:, None, None] + i[:, None] + i)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def relative(tensor: Tensor, other: Tensor) -> float:
    return float((tensor - other).norm() / tensor.norm())


def made(kind: str) -> tuple[Layer, Tensor, Parameters]:
    """A layer, an input, and half its parameters."""
    torch.manual_seed(0)
    make, shape = LAYERS[kind]
    layer = make()
    return layer, torch.randn(5, *shape), Parameters(layer.weight.numel() // 2)
