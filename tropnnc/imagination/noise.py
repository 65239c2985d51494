"""Noise whose amplitude falls with the frequency, as in natural images."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from tropnnc.imagination.colour import correlated, with_statistics
from tropnnc.seeding import derive_rng
from tropnnc.unit import Pixels


def pink_noise(
    count: int, size: tuple[int, int], channels: int, seed: int, pixels: Pixels | None = None
) -> Tensor:
    """Images ``[count, channels, h, w]`` float32 of Gaussian noise with amplitude ∝ 1/frequency.

    The mean over an image has the amplitude of its lowest frequency. Over all images, every
    channel has the mean and the deviation in ``pixels`` (0 and 1 without), up to rounding.
    """
    rng = derive_rng(seed, "pink noise")
    noise = correlated(rng, channels, count, *size).swapaxes(0, 1)
    frequency = np.hypot(*np.meshgrid(*map(np.fft.fftfreq, size), indexing="ij"))
    frequency[0, 0] = 1 / max(size)
    images = np.fft.ifft2(np.fft.fft2(noise) / frequency).real
    return with_statistics(images, pixels or Pixels())
