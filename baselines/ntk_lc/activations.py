"""Activations as values: a function, and where it is not smooth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from baselines.ntk_lc.breakpoints import find_breakpoints
from tropnnc.unit import Array


@dataclass(frozen=True)
class Activation:
    """An activation, element by element.

    Attributes:
        name: for people.
        function: of tensors.
        breakpoints: where it has a kink or a jump.
        jumps: whether there is any jump; then ``E[σ'²]`` does not exist.
    """

    name: str
    function: Callable[[Tensor], Tensor]
    breakpoints: tuple[float, ...] = ()
    jumps: bool = False

    def __call__(self, t: Array) -> Array:
        """``σ(t)`` of a float64 array."""
        return self.function(torch.from_numpy(t)).numpy()


def activation(name: str, function: Callable[[Tensor], Tensor]) -> Activation:
    """Any elementwise ``function``; kinks and jumps between −15 and 15 are found."""
    found = find_breakpoints(lambda t: function(torch.from_numpy(t)).double().numpy())
    return Activation(name, lambda t: function(t).to(t.dtype), found.points, found.jumps)


def leaky_relu(slope: float) -> Activation:
    """``max(t, slope·t)`` for ``slope ≤ 1``."""
    return Activation(f"leaky_relu({slope:g})", lambda t: F.leaky_relu(t, slope), (0.0,))


def _step(t: Tensor) -> Tensor:
    return (t > 0).to(t.dtype)


RELU = Activation("relu", F.relu, (0.0,))
ABS = Activation("abs", torch.abs, (0.0,))
STEP = Activation("step", _step, (0.0,), jumps=True)
SIGN = Activation("sign", torch.sign, (0.0,), jumps=True)
SIN = Activation("sin", torch.sin)
COS = Activation("cos", torch.cos)
ERF = Activation("erf", torch.erf)
