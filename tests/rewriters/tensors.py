"""Tensors that several tests of formats decompose."""

from __future__ import annotations

import torch
from torch import Tensor


def reciprocal() -> Tensor:
    """relatives.md B.10: 1/(1 + i + j + k + l) of 4 × 4 × 4 × 4."""
    i = torch.arange(4, dtype=torch.float64)
    return 1 / (1 + i[:, None, None, None] + i[:, None, None] + i[:, None] + i)


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def relative(tensor: Tensor, other: Tensor) -> float:
    return float((tensor - other).norm() / tensor.norm())
