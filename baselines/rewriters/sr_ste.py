"""The sparse-refined straight-through estimator (Zhou et al., ICLR 2021; relatives.md A3)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _SparseRefined(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, mask: Tensor, decay: float) -> Tensor:
        ctx.save_for_backward(weight, mask)
        ctx.decay = decay
        return weight * mask

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        weight, mask = ctx.saved_tensors
        return gradients[0] + ctx.decay * weight * ~mask, None, None


def sparse_refined(weight: Tensor, mask: Tensor, decay: float) -> Tensor:
    """``W∘E``, whose gradient on W is ``g + λ(1 − E)∘W`` instead of ``g∘E``.

    Args:
        weight: W, dense.
        mask: E, bool, of the same shape.
        decay: λ, 2e-4 in the paper; 0 is the plain straight-through estimator.
    """
    return _SparseRefined.apply(weight, mask, decay)
