"""Activations of thresholds alone: σ_T with two of them, σ_Q with four (ntk_lc.md 1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, exp, pi, sqrt

from torch import Tensor

from baselines.ntk_lc.activations import Activation
from baselines.ntk_lc.coefficients import Coefficients


@dataclass(frozen=True)
class TwoThreshold:
    """``σ_T(t) = a·[1(t < low) + 1(t > high)]``: one of two values."""

    a: float
    low: float
    high: float

    @property
    def activation(self) -> Activation:
        """As any other activation."""
        name = f"two_threshold({self.a:g}, {self.low:g}, {self.high:g})"
        return Activation(name, self.function, (self.low, self.high), jumps=True)

    def function(self, t: Tensor) -> Tensor:
        """``σ_T(t)``."""
        return self.a * ((t < self.low) | (t > self.high)).to(t.dtype)

    def coefficients(self, scale: float) -> Coefficients:
        """In closed form."""
        return _coefficients(((self.low, self.a, 0.0), (self.high, 0.0, self.a)), self.a, scale)


@dataclass(frozen=True)
class FourThreshold:
    """``σ_Q(t)``: ``outer`` outside of ``[r1, r4]``, ``inner`` on ``[r2, r3]``, 0 in between."""

    outer: float
    inner: float
    r1: float
    r2: float
    r3: float
    r4: float

    @property
    def activation(self) -> Activation:
        """As any other activation."""
        points = (self.r1, self.r2, self.r3, self.r4)
        name = f"four_threshold({self.outer:g}, {self.inner:g}, {points})"
        return Activation(name, self.function, points, jumps=True)

    def function(self, t: Tensor) -> Tensor:
        """``σ_Q(t)``."""
        outside = ((t < self.r1) | (t > self.r4)).to(t.dtype)
        inside = ((t >= self.r2) & (t <= self.r3)).to(t.dtype)
        return self.outer * outside + self.inner * inside

    def coefficients(self, scale: float) -> Coefficients:
        """In closed form."""
        jumps = (
            (self.r1, self.outer, 0.0),
            (self.r2, 0.0, self.inner),
            (self.r3, self.inner, 0.0),
            (self.r4, 0.0, self.outer),
        )
        return _coefficients(jumps, self.outer, scale)


def _coefficients(
    jumps: tuple[tuple[float, float, float], ...], first: float, scale: float
) -> Coefficients:
    """Of a step function that begins with ``first``; ``jumps`` are (place, before, after)."""
    mean, second, d1, d2, squared = first, first**2, 0.0, 0.0, 0.0
    for place, before, after in jumps:
        x = place / scale
        beyond = (1 - erf(x / sqrt(2))) / 2
        density = exp(-(x**2) / 2) / sqrt(2 * pi)
        slope = x * density if density else 0.0  # an infinite threshold is none
        mean += (after - before) * beyond
        second += (after**2 - before**2) * beyond
        d1 += (after - before) * density / scale
        d2 += (after - before) * slope / scale**2
        squared += (after**2 - before**2) * slope / scale**2
    tau = sqrt(max(second - mean**2, 0.0))
    return Coefficients(scale, mean, d1, d2, squared - 2 * mean * d2, tau, None)
