"""Activations that training blends in from the identity (ours, relatives.md B.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tropnnc.errors import TropnncError

Act = Literal["relu", "tanh", "leaky", "identity"]
ACTS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "tanh": torch.tanh,
    "leaky": F.leaky_relu,  # slope .01
    "identity": lambda z: z,
}


class Activation(nn.Module):
    """``act(z)``, or on the way there ``a·z + (1 − a)·act(z)``: of ReLU ``max(z, a·z)``.

    ``a`` is state, ``[1]``, where there is annealing: a saved module computes what it did.

    Args:
        act: one of ``ACTS``.
        annealed: start at ``a = 1``, the identity.
    """

    linear_share: Tensor

    def __init__(self, act: Act, annealed: bool) -> None:
        super().__init__()
        self.act, self.annealed = act, annealed
        if annealed:
            self.register_buffer("linear_share", torch.ones(1))

    def forward(self, z: Tensor) -> Tensor:
        """Any shape, entry by entry."""
        bent = ACTS[self.act](z)
        return torch.lerp(bent, z, self.linear_share.to(z.dtype)) if self.annealed else bent

    def anneal(self, share: float) -> None:
        """Go ``share`` of the way, ``a = 1 − share``; nothing where there is no annealing.

        Raises:
            TropnncError: a share outside 0 to 1.
        """
        if not 0 <= share <= 1:
            raise TropnncError(f"share = {share} is out of range, accepted are 0 to 1")
        if self.annealed:
            self.linear_share.fill_(1 - share)


def anneal(model: nn.Module, share: float) -> None:
    """``Activation.anneal`` of every one in ``model``: what training calls as it proceeds."""
    for module in model.modules():
        if isinstance(module, Activation):
            module.anneal(share)
