"""Exact kernels of infinitely wide random networks on given points, by Hermite series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from baselines.ntk_lc.activations import Activation
from baselines.ntk_lc.coefficients import hermite_coefficients
from tropnnc.errors import TropnncError
from tropnnc.unit import Array

# Series in the cosine: what is left out is below its power.
ACCURACY, LARGEST_COSINE = 1e-12, 0.7


@dataclass(frozen=True, eq=False)
class Kernels:
    """Of the last layer: the conjugate kernel ``[n, n]``, and the NTK without its diagonal."""

    conjugate: Array
    hollow_tangent: Array


def expected_kernels(
    points: Array, layers: Sequence[Activation], means: Sequence[float]
) -> Kernels:
    """``E[ΣᵀΣ]`` and the NTK (ntk_lc.md 1.2) for weights of unit variance.

    Args:
        points: ``[n, p]``.
        layers: activations.
        means: what each layer subtracts.

    Raises:
        TropnncError: two points so close that the series does not converge.
    """
    conjugate = points @ points.T
    tangent = _hollow(conjugate)
    for layer, mean in zip(layers, means, strict=True):
        conjugate, derivative = _next(conjugate, layer, mean)
        tangent = _hollow(conjugate) + tangent * derivative
    return Kernels(conjugate, tangent)


def _next(kernel: Array, layer: Activation, mean: float) -> tuple[Array, Array]:
    """Conjugate kernel one layer on, and the derivative kernel off its diagonal."""
    scales = np.sqrt(np.diag(kernel))
    cosine = _hollow(kernel / np.outer(scales, scales))
    degree = _degree(float(np.abs(cosine).max()))
    series, second = hermite_coefficients(layer, mean, scales, degree + 1)
    slopes = series[:, 1:] * np.sqrt(np.arange(1, degree + 2)) / scales[:, None]
    following, derivative = np.zeros_like(kernel), np.zeros_like(kernel)
    for k in range(degree, -1, -1):  # Horner
        following = following * cosine + np.outer(series[:, k], series[:, k])
        derivative = derivative * cosine + np.outer(slopes[:, k], slopes[:, k])
    np.fill_diagonal(following, second)
    return following, derivative


def _degree(largest: float) -> int:
    if largest > LARGEST_COSINE:
        raise TropnncError(
            f"two points have a cosine of {largest:.2f}; the series accepts up to {LARGEST_COSINE}"
        )
    return max(6, int(np.ceil(np.log(ACCURACY) / np.log(max(largest, 1e-3)))))


def _hollow(matrix: Array) -> Array:
    hollow = matrix.copy()
    np.fill_diagonal(hollow, 0.0)
    return hollow
