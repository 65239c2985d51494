"""Vectors of weights, and what a scheme makes of them."""

from __future__ import annotations

import numpy as np

from baselines.sharing.scheme import Shared
from tropnnc.unit import Array

RNG = np.random.default_rng(0)  # of schemes that do not draw


def weights(seed: int, count: int = 400) -> Array:
    """Of a layer's sizes, in float32 as networks hold them."""
    return np.random.default_rng(seed).normal(0, 0.1, count).astype(np.float32).astype(float)


def restored(shared: Shared) -> Array:
    """The values in place of the weights."""
    return shared.codebook[shared.codes]
