"""Moments of rectified normal variables: ``f(z) = min(max(z, 0), cap)`` of jointly normal ``z``.

Theory.md, section 5. One variable in closed form; two by a quadrature that never crosses a kink.
With ``c = Cov(z_i, z_j)``, Price's theorem says ``∂²E[f(z_i)f(z_j)]/∂c² = E[f''(z_i)f''(z_j)]``,
and ``f''`` is a point mass at either kink (negative at the clip). So, without approximation,

``E[f(z_i)f(z_j)] = E f·E f + c·E f'·E f' + ∫_0^c (c − s) p(s) ds``,

``p(s)`` the joint density at the pairs of kinks under the covariance s, those of unequal kinks
subtracted. For ReLU and zero means this is the arc-cosine kernel.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isinf, pi, sqrt

import numpy as np
from scipy.special import ndtr

from tropnnc.unit import Array, IntArray

# Gauss–Legendre in the angle arcsin(s/σ_iσ_j): smooth up to a correlation of ±1, where the density
# of unequal kinks dies out faster than any power while the factor (c − s) vanishes too.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(24)
# Pairs at a time: what is live fits a core's cache.
_BLOCK = 1 << 13


@dataclass(frozen=True)
class Rectified:
    """Normal variables ``N(mean, std²)`` that pass ``f``.

    Attributes:
        mean: ``μ [n]``.
        std: ``σ [n]``; zero is a constant.
        cap: infinite for ReLU.
    """

    mean: Array
    std: Array
    cap: float = inf

    @property
    def kinks(self) -> tuple[float, ...]:
        """Where ``f`` bends."""
        return (0.0,) if isinf(self.cap) else (0.0, self.cap)

    def first(self) -> Array:
        """``E f(z) [n]``."""
        low, *high = (_first(self.mean - kink, self.std) for kink in self.kinks)
        return low - high[0] if high else low

    def second(self) -> Array:
        """``E f(z)² [n]``."""
        low, *high = (_second(self.mean - kink, self.std) for kink in self.kinks)
        if not high:
            return low
        # z₊² − (z−c)₊² − 2c·(z−c)₊ is c² beyond the clip c.
        return low - high[0] - 2 * self.cap * _first(self.mean - self.cap, self.std)

    def slope(self) -> Array:
        """``E f'(z) [n]``, the probability of lying between the kinks."""
        low, *high = (ndtr(_standardised(self.mean - kink, self.std)) for kink in self.kinks)
        return low - high[0] if high else low

    def at(self, chosen: IntArray | slice) -> Rectified:
        """Some of the variables, any of them several times."""
        return Rectified(self.mean[chosen], self.std[chosen], self.cap)


def product_moments(one: Rectified, other: Rectified, covariance: Array) -> Array:
    """``E[f(z_i) f(z_j)]`` of ``pairs`` of variables with the covariances ``[pairs]``.

    Off by at most 1e-7 of ``σ_i σ_j``, and by 1e-14 up to a correlation of ±.9.
    """
    moments = one.first() * other.first() + covariance * one.slope() * other.slope()
    for start in range(0, len(covariance), _BLOCK):
        block = slice(start, start + _BLOCK)
        moments[block] += _beyond_slopes(one.at(block), other.at(block), covariance[block])
    return moments


def _beyond_slopes(one: Rectified, other: Rectified, covariance: Array) -> Array:
    """``∫_0^c (c − s) p(s) ds [pairs]``, in ``θ`` with ``s = σ_i σ_j sin θ``."""
    scale = one.std * other.std
    ratio = np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
    correlation = np.clip(ratio, -1.0, 1.0)
    half = np.arcsin(correlation) / 2
    kinks = [
        (_standardised(one.mean - a, one.std), _standardised(other.mean - b, other.std), a == b)
        for a in one.kinks
        for b in other.kinks
    ]
    total = np.zeros_like(scale)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        sine = np.sin(half * (1 + node))
        for h, k, equal in kinks:
            # cos θ of the density cancels against that of ds.
            exponent = (2 * h * k * sine - h * h - k * k) / (2 * (1 - sine) * (1 + sine))
            sign = weight if equal else -weight
            total += sign * (correlation - sine) * np.exp(exponent)
    return total * half * scale / (2 * pi)


def _first(mean: Array, std: Array) -> Array:
    """``E max(z, 0)``."""
    ratio = _standardised(mean, std)
    return np.where(std > 0, mean * ndtr(ratio) + std * _density(ratio), np.maximum(mean, 0))


def _second(mean: Array, std: Array) -> Array:
    """``E max(z, 0)²``."""
    ratio = _standardised(mean, std)
    spread = (mean**2 + std**2) * ndtr(ratio) + mean * std * _density(ratio)
    return np.where(std > 0, spread, np.maximum(mean, 0) ** 2)


def _density(ratio: Array) -> Array:
    return np.exp(-(ratio**2) / 2) / sqrt(2 * pi)


def _standardised(mean: Array, std: Array) -> Array:
    """``μ/σ``; beyond ±40, where nothing is left of the density, ±40; of a constant 0."""
    with np.errstate(over="ignore"):
        ratio = np.divide(mean, std, out=np.zeros_like(mean), where=std > 0)
    return np.clip(ratio, -40.0, 40.0)
