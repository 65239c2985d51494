"""Frozen layers whose products use what is known of weights and of the signal."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.ntk_lc.packing import pack, unpack

# Contractions of int8 that fit the kernel: PyTorch asks for multiples of 8.
_MULTIPLE = 8


@dataclass(frozen=True, eq=False)
class Binary:
    """A signal of two values: ``low + gain·excited``.

    Attributes:
        excited: int8 of 0 and 1, ``[b, d]``.
        low: value of a 0.
        gain: what a 1 adds.
    """

    excited: Tensor
    low: float
    gain: float

    @property
    def values(self) -> Tensor:
        """The signal as float32."""
        return self.excited.float().mul_(self.gain).add_(self.low)


Signal = Tensor | Binary


@dataclass(frozen=True, eq=False)
class Counts:
    """Pre-activations ``factor·counts + shift`` with integer ``counts [b, d]``, ``shift [d]``."""

    counts: Tensor
    factor: float
    shift: Tensor

    @property
    def values(self) -> Tensor:
        """As float32."""
        return self.counts.float().mul_(self.factor).add_(self.shift)

    def outside(self, low: float, high: float) -> Tensor:
        """Where they are below ``low`` or above ``high``, int8; integers are compared exactly."""
        ends = [(bound - self.shift.double()) / self.factor for bound in (low, high)]
        below, above = ends if self.factor > 0 else ends[::-1]
        # count < x iff count < ⌈x⌉, and count > x iff count > ⌊x⌋; 2**30 is beyond any count.
        first = below.ceil().clamp(-(2**30), 2**30).int()
        last = above.floor().clamp(-(2**30), 2**30).int()
        return ((self.counts < first) | (self.counts > last)).to(torch.int8)


class DenseWeights(nn.Module):
    """Float32 weights ``[d, d_in]``."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.rows = len(weights)
        self.register_buffer("weights", weights)
        self.weights: Tensor

    def forward(self, signal: Signal) -> Tensor:
        """Pre-activations ``[b, d]``."""
        values = signal.values if isinstance(signal, Binary) else signal
        return values @ self.weights.T


class TernaryWeights(nn.Module):
    """``scale·T`` with ``T`` of 0 and ±1, kept as two bit planes, 16 times less than float32.

    A signal of two values is multiplied in integers (four times as fast as float32 where the
    processor has such instructions, and exact); every other one in float32. Multiplying sparsely
    was measured to be slower than either at nine zeros in ten.
    """

    def __init__(self, numbers: Tensor, scale: float) -> None:
        super().__init__()
        self.rows, self.columns = numbers.shape
        self.scale = scale
        self.register_buffer("planes", pack(numbers))
        self.planes: Tensor

    def forward(self, signal: Signal) -> Tensor | Counts:
        """Pre-activations ``[b, d]``."""
        numbers = unpack(self.planes, self.rows, self.columns)
        if not isinstance(signal, Binary):
            return (signal @ numbers.float().T).mul_(self.scale)
        # A row of ones more gives the sums of the weights, many times faster than adding them up.
        ones = torch.ones(1, self.columns, dtype=torch.int8)
        counts = integer_product(torch.cat([signal.excited, ones]), numbers)
        shift = self.scale * signal.low * counts[-1]
        return Counts(counts[:-1], self.scale * signal.gain, shift)


def integer_product(excited: Tensor, numbers: Tensor) -> Tensor:
    """``excited @ numbers.T`` in int32, of int8 ``[b, d_in]`` and ``[d, d_in]``."""
    missing = -excited.shape[1] % _MULTIPLE
    if missing:
        excited, numbers = (nn.functional.pad(x, (0, missing)) for x in (excited, numbers))
    return torch.ops.aten._int_mm(excited, numbers.T)
