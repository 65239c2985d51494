"""Coefficients in closed form, to check the quadrature by and to read."""

from __future__ import annotations

from math import asin, exp, pi, sqrt

from baselines.ntk_lc.coefficients import Coefficients

ROOT = sqrt(2 * pi)


def relu(scale: float) -> Coefficients:
    """``max(t, 0)``."""
    return leaky_relu(0.0, scale)


def leaky_relu(slope: float, scale: float) -> Coefficients:
    """``max(t, slope·t)``."""
    mean = (1 - slope) * scale / ROOT
    second = (1 + slope**2) / 2
    return Coefficients(
        scale=scale,
        mean=mean,
        d1=(1 + slope) / 2,
        d2=(1 - slope) / (ROOT * scale),
        d3=2 * second - (1 - slope) ** 2 / pi,
        tau=sqrt(second * scale**2 - mean**2),
        slope=second,
    )


def absolute(scale: float) -> Coefficients:
    """``|t|``, leaky ReLU of slope −1."""
    return leaky_relu(-1.0, scale)


def step(scale: float) -> Coefficients:
    """``1(t > 0)``."""
    return Coefficients(scale, 0.5, 1 / (ROOT * scale), 0.0, 0.0, 0.5, None)


def sign(scale: float) -> Coefficients:
    """The sign of ``t``."""
    return Coefficients(scale, 0.0, 2 / (ROOT * scale), 0.0, 0.0, 1.0, None)


def sin(scale: float) -> Coefficients:
    """``sin(t)``."""
    double = exp(-2 * scale**2)  # E[cos 2t]
    tau, slope = sqrt((1 - double) / 2), (1 + double) / 2
    return Coefficients(scale, 0.0, exp(-(scale**2) / 2), 0.0, 2 * double, tau, slope)


def cos(scale: float) -> Coefficients:
    """``cos(t)``."""
    mean, double = exp(-(scale**2) / 2), exp(-2 * scale**2)
    tau, slope = sqrt((1 + double) / 2 - mean**2), (1 - double) / 2
    return Coefficients(scale, mean, 0.0, -mean, 2 * mean**2 - 2 * double, tau, slope)


def erf(scale: float) -> Coefficients:
    """``erf(t)``."""
    v = scale**2
    root = sqrt(1 + 4 * v)
    tau = sqrt(2 / pi * asin(2 * v / (1 + 2 * v)))
    d3 = 8 / (pi * (1 + 2 * v) * root)  # twice the derivative of tau² in v
    return Coefficients(scale, 0.0, 2 / sqrt(pi * (1 + 2 * v)), 0.0, d3, tau, 4 / (pi * root))
