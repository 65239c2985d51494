"""The largest singular value, by a full eigendecomposition.

Power iteration converges from below and certifies nothing; this is exact up to the rounding of
float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tropnnc.clustering import one_thread
from tropnnc.unit import Array

# Real or complex, of any float type.
Matrices = NDArray[Any]


def spectral_norm(matrices: Matrices) -> Array:
    """``‖M‖₂`` of every matrix ``[…, m, n]``, as ``[…]``."""
    if matrices.shape[-1] * matrices.shape[-2] == 0:
        return np.zeros(matrices.shape[:-2])
    # Scaled, so that squaring neither overflows nor rounds to zero.
    scale = np.abs(matrices).max(axis=(-2, -1))
    with one_thread():
        return scale * largest_singular(matrices / np.where(scale > 0, scale, 1.0)[..., None, None])


def largest_singular(matrices: Matrices) -> Array:
    """:func:`spectral_norm` of matrices whose largest entry is about 1."""
    largest = np.linalg.eigvalsh(small_gram(matrices))[..., -1]
    return np.sqrt(np.maximum(largest, 0.0))


def small_gram(matrices: Matrices) -> Matrices:
    """``MMᴴ`` or ``MᴴM``, whichever is smaller."""
    adjoint = np.conj(np.swapaxes(matrices, -2, -1))
    wide = matrices.shape[-2] <= matrices.shape[-1]
    return matrices @ adjoint if wide else adjoint @ matrices
