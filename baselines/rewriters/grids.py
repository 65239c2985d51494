"""Uniform grids of M bits, with and without a zero level (relatives.md A2).

A grid maps ``w`` and a scale α ≥ |w| to codes ``0 …``, and codes back to values. α = 0 goes with
weights that are all 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class Grid(Protocol):
    """Codes of a width, and what they stand for."""

    def codes(self, weight: Tensor, scale: Tensor, width: int) -> Tensor:
        """Uint8, in the shape of ``weight``, to which ``scale`` broadcasts."""
        ...

    def values(self, codes: Tensor, scale: Tensor, width: int) -> Tensor:
        """Floats of the dtype of ``scale``."""
        ...

    def step(self, scale: Tensor, width: int) -> Tensor:
        """Between neighbouring values, in the shape of ``scale``."""
        ...


@dataclass(frozen=True)
class OddGrid:
    """``α(2c − L)/L`` with ``L = 2^M − 1``: odd integers over L, **no zero level**.

    ``c = ⌊L(w/α + 1)/2 + ½⌋`` (Sun et al., eq. 10 and 15), so that 0, always a tie, becomes +α/L.
    """

    def codes(self, weight: Tensor, scale: Tensor, width: int) -> Tensor:
        """As :class:`Grid`; what lies beyond ±α gets an end's code."""
        levels = 2**width - 1
        ratio = weight / torch.where(scale > 0, scale, 1)
        return (levels * (ratio + 1) / 2 + 0.5).floor().clamp(0, levels).to(torch.uint8)

    def values(self, codes: Tensor, scale: Tensor, width: int) -> Tensor:
        """As :class:`Grid`."""
        return odd_values(2 * codes.int() - (2**width - 1), scale, width)

    def step(self, scale: Tensor, width: int) -> Tensor:
        """As :class:`Grid`."""
        return 2 * scale / (2**width - 1)


def odd_values(odd: Tensor, scale: Tensor, width: int) -> Tensor:
    """``α·odd/L`` of odd integers, whether from codes or summed over branches."""
    return scale * (odd.to(scale.dtype) / (2**width - 1))


@dataclass(frozen=True)
class ZeroGrid:
    """``n·α/q`` with ``|n| ≤ q = 2^(M−1) − 1``: symmetric with a zero, one level fewer.

    Rounded half to even, as ``torch.fake_quantize_per_tensor_affine`` does, bit for bit.
    """

    def codes(self, weight: Tensor, scale: Tensor, width: int) -> Tensor:
        """As :class:`Grid`; the code of 0 is q."""
        half = 2 ** (width - 1) - 1
        inverse = 1 / (scale / half)
        inverse = torch.where(inverse.isfinite(), inverse, 0)  # of no scale, or next to none
        return ((weight * inverse).round().clamp(-half, half) + half).to(torch.uint8)

    def values(self, codes: Tensor, scale: Tensor, width: int) -> Tensor:
        """As :class:`Grid`."""
        half = 2 ** (width - 1) - 1
        return (codes.int() - half) * (scale / half)

    def step(self, scale: Tensor, width: int) -> Tensor:
        """As :class:`Grid`."""
        return scale / (2 ** (width - 1) - 1)


GRIDS: Mapping[str, Grid] = {"odd": OddGrid(), "zero": ZeroGrid()}
