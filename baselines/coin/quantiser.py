"""Latents on ``2^b`` levels within ``r`` standard deviations of the training latents' mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tropnnc.errors import TropnncError
from tropnnc.unit import Array, IntArray

MOST_BITS = 16


@dataclass(frozen=True, eq=False)
class Quantiser:
    """``q = round(u (2^b − 1))``, ``u = clip((z − μ)/σ, −r, r)/(2r) + ½`` (relatives.md C1).

    Attributes:
        mean: ``μ``, one for all latents, or one per component.
        deviation: ``σ``, likewise, positive.
        reach: ``r``, in standard deviations.
        bits: ``b``.
    """

    mean: NDArray[np.float32]
    deviation: NDArray[np.float32]
    reach: float
    bits: int

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= MOST_BITS or self.reach <= 0:
            raise TropnncError(
                f"{self.bits} bits within {self.reach:g} standard deviations are not accepted;"
                f" 1 to {MOST_BITS} within a positive reach are"
            )
        if not np.isfinite(self.mean).all() or not (self.deviation > 0).all():
            raise TropnncError("latents that are constant or not finite cannot be quantised")

    @property
    def levels(self) -> int:
        """``2^b``."""
        return 1 << self.bits

    def quantise(self, latents: ArrayLike) -> IntArray:
        """Symbols 0 to ``levels − 1`` of ``latents [N, D]``."""
        scaled = (np.asarray(latents, np.float64) - self.mean) / self.deviation.astype(np.float64)
        unit = np.clip(scaled, -self.reach, self.reach) / (2 * self.reach) + 0.5
        return np.rint(unit * (self.levels - 1)).astype(np.int64)

    def restore(self, symbols: IntArray) -> Array:
        """Latents ``[N, D]`` float64 in the middle of what ``symbols`` stand for."""
        unit = symbols / (self.levels - 1) - 0.5
        return unit * (2 * self.reach) * self.deviation + self.mean


def fit_quantiser(latents: ArrayLike, bits: int, per_component: bool = False) -> Quantiser:
    """The quantiser of ``latents [N, D]`` of **training** images.

    COIN++ has one mean and one deviation for all components; PCA's components differ in size by
    construction and need theirs.
    """
    values = np.asarray(latents, np.float64)
    axis = 0 if per_component else None
    mean = np.float32(values.mean(axis=axis))
    deviation = np.float32(values.std(axis=axis))
    return Quantiser(np.asarray(mean), np.asarray(deviation), usual_reach(bits), bits)


def usual_reach(bits: int) -> float:
    """As in the published ablation: 3 up to 5 bits, 5 up to 10, then 6."""
    if bits <= 5:
        return 3.0
    return 5.0 if bits <= 10 else 6.0
