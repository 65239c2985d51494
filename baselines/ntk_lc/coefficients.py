"""What the kernels of a wide random network keep of an activation (Theorem 1 of NTK-LC)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines.ntk_lc.activations import Activation
from baselines.ntk_lc.gaussian import panels
from tropnnc.unit import Array


@dataclass(frozen=True)
class Coefficients:
    """Gaussian coefficients of the centred ``σ(t) − mean`` at ``t = scale·ξ``, ``ξ ~ N(0, 1)``.

    Attributes:
        scale: standard deviation of the pre-activation, ``τ_{l−1}``.
        mean: ``E[σ]``, which is subtracted.
        d1: ``E[σ']``, defined by ``E[ξσ]/scale`` for any activation.
        d2: ``E[σ'']``, ``E[(ξ² − 1)σ]/scale²``.
        d3: ``E[(σ²)'']``, ``E[(ξ² − 1)σ²]/scale²``.
        tau: ``√E[σ²]``, the next layer's scale.
        slope: ``E[σ'²]``; None where the activation jumps and there is none.
    """

    scale: float
    mean: float
    d1: float
    d2: float
    d3: float
    tau: float
    slope: float | None


def coefficients(activation: Activation, scale: float) -> Coefficients:
    """By quadrature, to about 1e-13.

    Raises:
        TropnncError: a scale that is not positive.
    """
    grid = panels(activation.breakpoints, scale, scale)
    [weights] = grid.density(np.array([scale]))
    values = activation(grid.nodes)
    mean = float(weights @ values)
    centred = values - mean
    xi = grid.nodes / scale
    slope = None if activation.jumps else float(weights @ grid.derivative(values) ** 2)
    return Coefficients(
        scale=scale,
        mean=mean,
        d1=float(weights @ (xi * centred)) / scale,
        d2=float(weights @ ((xi**2 - 1) * centred)) / scale**2,
        d3=float(weights @ ((xi**2 - 1) * centred**2)) / scale**2,
        tau=float(weights @ centred**2) ** 0.5,
        slope=slope,
    )


def hermite_coefficients(
    activation: Activation, mean: float, scales: Array, degree: int
) -> tuple[Array, Array]:
    """Expansion in normalised Hermite polynomials, and second moment, at every scale.

    Args:
        activation: the activation.
        mean: constant that is subtracted, the same at every scale.
        scales: ``[n]``.
        degree: the highest.

    Returns:
        ``E[(σ(sξ) − mean)·He_k(ξ)]/√k!``, ``[n, degree + 1]``, and ``E[(σ(sξ) − mean)²]``, ``[n]``.
    """
    grid = panels(activation.breakpoints, float(scales.min()), float(scales.max()))
    centred = activation(grid.nodes) - mean
    weighted = grid.density(scales) * centred
    xi = grid.nodes / scales[:, None]
    before, now = np.zeros_like(xi), np.ones_like(xi)
    columns = []
    for k in range(degree + 1):
        columns.append((weighted * now).sum(axis=1))
        # √(k+1) h_{k+1} = ξ h_k − √k h_{k−1}
        before, now = now, (xi * now - k**0.5 * before) / (k + 1) ** 0.5
    return np.stack(columns, axis=1), weighted @ centred
