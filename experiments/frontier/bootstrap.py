"""Paired bootstrap over test images for one dense network, over the methods' seeds too."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
LEVEL = 0.95

Bits = NDArray[np.bool_]


@dataclass(frozen=True)
class Difference:
    """Points of top-1 by which one method is ahead of another on one dense network.

    Attributes:
        mean: over the images and the seeds of either method.
        error: standard deviation over the draws.
        low: end of the 95 % percentile interval; ``high``: the other one.
    """

    mean: float
    error: float
    low: float
    high: float


class Resampled:
    """Draws of ``images`` test images with replacement, the same for every method."""

    def __init__(self, images: int, rng: np.random.Generator) -> None:
        """Draw; memory: ``DRAWS × images`` float32."""
        drawn = rng.integers(images, size=(DRAWS, images))
        # Whole numbers below 2²⁴: sums of them are exact, in whatever order they are taken.
        self._counts = np.stack([np.bincount(own, minlength=images) for own in drawn])
        self._counts = self._counts.astype(np.float32)
        self._rng = rng

    def accuracy(self, bits: Bits) -> NDArray[np.float64]:
        """Top-1 in percent, ``[DRAWS]``, of a method with ``bits [seeds, images]``.

        Seeds are drawn anew as well; of one seed there is nothing to draw.
        """
        correct = (self._counts @ bits.T.astype(np.float32)).astype(np.float64)
        each, seeds = 100 * correct / bits.shape[1], len(bits)
        return np.take_along_axis(each, self._rng.integers(seeds, size=(DRAWS, seeds)), 1).mean(1)


def difference(ours: Bits, theirs: Bits, resampled: Resampled) -> Difference:
    """By how much the first is ahead; ``bits [seeds, images]`` of either on the same images."""
    drawn = resampled.accuracy(ours) - resampled.accuracy(theirs)
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    mean = 100 * (ours.mean() - theirs.mean())
    return Difference(float(mean), float(drawn.std(ddof=1)), float(low), float(high))
