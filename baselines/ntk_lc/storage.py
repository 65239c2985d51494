"""Bits of a network's hidden weights, under every convention side by side."""

from __future__ import annotations

from collections.abc import Mapping
from math import log2
from typing import Literal

from tropnnc.errors import TropnncError

Convention = Literal["nominal", "positions", "entropy", "seed", "float32"]
CONVENTIONS: tuple[Convention, ...] = ("nominal", "positions", "entropy", "seed", "float32")
FLOAT, SEED = 32, 64


def hidden_bits(
    weights: int, nonzeros: int, ternary: bool, drawn: bool = True
) -> Mapping[Convention, float]:
    """Bits by convention.

    * ``nominal``: what the paper counts, 2 bits per non-zero ternary weight (32 per float), as if
      it were known where they are.
    * ``positions``: a bit per weight says where the non-zeros are (none where all are), and each
      has its sign (or its float).
    * ``entropy``: the entropy of the positions and signs, which an arithmetic coder reaches.
    * ``seed``: weights that were drawn and not trained are a seed, Gaussian ones too.
    * ``float32``: the dense network.

    Args:
        weights: number of hidden weights.
        nonzeros: of which so many are not 0.
        ternary: 0 and ±1 (times one factor), or floats.
        drawn: from a seed; trained weights have none.

    Raises:
        TropnncError: more non-zeros than weights, or no weights.
    """
    if not 0 <= nonzeros <= weights or weights < 1:
        raise TropnncError(f"{nonzeros} non-zeros of {weights} weights are not accepted")
    each = 1 if ternary else FLOAT
    bitmap = 0 if nonzeros == weights else weights
    return {
        "nominal": (2 if ternary else FLOAT) * nonzeros,
        "positions": bitmap + each * nonzeros,
        "entropy": weights * binary_entropy(nonzeros / weights) + each * nonzeros,
        "seed": SEED if drawn else FLOAT * weights,
        "float32": FLOAT * weights,
    }


def readout_bits(width: int, classes: int, thresholds: int = 0) -> int:
    """Bits of what is not hidden weights, in float32: the read-out, and constants of σ_T."""
    return FLOAT * (classes * (width + 1) + thresholds)


def binary_entropy(share: float) -> float:
    """Of a coin, in bits."""
    return -sum(p * log2(p) for p in (share, 1 - share) if p > 0)
