"""What both kinds of random images share: channels that go together, and their statistics."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tropnnc.unit import Array, Pixels

CORRELATION = 0.93  # between the colour channels of natural images (theory.md 5.2)


def correlated(rng: np.random.Generator, channels: int, *shape: int) -> Array:
    """Standard normal numbers ``[channels, *shape]``, correlated by ``CORRELATION`` in pairs."""
    shared = rng.standard_normal(shape)
    own = rng.standard_normal((channels, *shape))
    return np.sqrt(CORRELATION) * shared + np.sqrt(1 - CORRELATION) * own


def with_statistics(images: Array, pixels: Pixels) -> Tensor:
    """``images [N, C, h, w]`` with the channel means and deviations of ``pixels``, float32."""
    axes = (0, 2, 3)
    mean, std = (np.reshape(value, (-1, 1, 1)) for value in (pixels.mean, pixels.std))
    centred = images - images.mean(axes, keepdims=True)
    scaled = centred / centred.std(axes, keepdims=True)
    return torch.from_numpy((mean + std * scaled).astype(np.float32))
