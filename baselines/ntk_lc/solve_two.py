"""The two-threshold activation with given coefficients: every root, by bracketing.

With ``x = threshold/scale``, ``A = φ(x₂) − φ(x₁)``, ``B = x₂φ(x₂) − x₁φ(x₁)`` and ``Δ`` the mass
between, σ_T has ``|d1| = a|A|/scale``, ``|d2| = a|B|/scale²`` and ``d3 = a²(2Δ − 1)B/scale²``.
Up to mirroring, ``A·|d2|·scale = B·|d1|`` says that ``h(x) = φ(x)(|d2|·scale − |d1|x)`` is the same
at both thresholds: level sets of ``h``, two branches. Along each, ``d3`` is one equation in one
unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import exp, pi

import numpy as np
from scipy.optimize import root_scalar
from scipy.special import ndtr

from baselines.ntk_lc.coefficients import Coefficients
from baselines.ntk_lc.two_threshold import TwoThreshold
from tropnnc.errors import TropnncError

RESIDUAL = 1e-10
# d's below this are zeros that quadrature could not make exact.
ZERO = 1e-12
# Distances of the outer threshold from where the two meet, in units of the scale.
_STEPS = np.geomspace(1e-4, 38.0, 160).tolist()
_FAR = 38.0  # the density there is the smallest of float64

Pair = tuple[float, float]


def solve_two_threshold(target: Coefficients, scale: float) -> TwoThreshold:
    """σ_T that has ``d1²``, ``d2²`` and ``d3`` of ``target`` at ``scale``.

    Signs of ``d1`` and ``d2`` are free (kernels see squares). Of several roots it is the one of
    the smallest ``τ``; mirror images and signs of ``a`` are one root.

    Args:
        target: coefficients to have; its own scale plays no part.
        scale: of the pre-activation that σ_T sees.

    Raises:
        TropnncError: no root, and why.
    """
    roots = list(_roots(target, scale))
    if not roots:
        raise TropnncError(
            f"no two-threshold activation has d1² = {target.d1**2:.4g}, d2² = {target.d2**2:.4g}"
            f" and d3 = {target.d3:.4g} at scale {scale:.4g}"
        )
    best = min(roots, key=lambda root: root.coefficients(scale).tau)
    found = residual(best.coefficients(scale), target)
    if found > RESIDUAL:
        raise TropnncError(f"{best.activation.name}: residual {found:.1e}, accepted is {RESIDUAL}")
    return best


def residual(found: Coefficients, target: Coefficients) -> float:
    """The largest relative error of ``d1²``, ``d2²``, ``d3`` (absolute where the target is 0)."""
    pairs = (
        (found.d1**2, target.d1**2),
        (found.d2**2, target.d2**2),
        (found.d3, target.d3),
    )
    return max(abs(a - b) / (abs(b) if abs(b) > ZERO else 1.0) for a, b in pairs)


def _roots(target: Coefficients, scale: float) -> Iterator[TwoThreshold]:
    r1, r2 = abs(target.d1) * scale, abs(target.d2) * scale**2
    if max(r1, r2) < ZERO:
        raise TropnncError("d1 = d2 = 0: such an activation hands nothing on; others are accepted")
    if r2 < ZERO:
        yield from _one_threshold(target, scale)
        return
    slope = target.d3 * scale**2 / r2**2
    for outer, partner in _branches(r1, r2):
        pairs = [partner(x) for x in outer]
        values = [_excess(pair, slope) for pair in pairs]
        for i in np.flatnonzero(np.sign(values[:-1]) != np.sign(values[1:])):
            x = _zero(lambda x, f=partner: _excess(f(x), slope), outer[i], outer[i + 1])
            low, high = partner(x)
            if low + high < 0:  # of mirror images, one
                low, high = -high, -low
            yield TwoThreshold(r2 / abs(_mean_slope(low, high)), low * scale, high * scale)


def _one_threshold(target: Coefficients, scale: float) -> Iterator[TwoThreshold]:
    """``d2 = 0`` leaves a step at 0, whose ``d3`` is 0 (``d3 = (a − 2·mean)·d2``)."""
    if abs(target.d3) > ZERO:
        raise TropnncError(
            f"d2 = 0 and d3 = {target.d3:.4g}: a two-threshold activation has d3 = (a − 2m)·d2;"
            " with d2 = 0 accepted is d3 = 0"
        )
    yield TwoThreshold(abs(target.d1) * scale * (2 * pi) ** 0.5, 0.0, np.inf)


def _branches(r1: float, r2: float) -> Iterator[tuple[list[float], Callable[[float], Pair]]]:
    """Places of one threshold, ascending, and the pair that goes with each.

    ``h`` rises to ``left``, falls through 0 at ``zero`` to ``right`` and rises to 0 again.
    """

    def level(x: float) -> float:
        return exp(-(x**2) / 2) * (r2 - r1 * x)

    root = (r2**2 + 4 * r1**2) ** 0.5
    left, right = -2 * r1 / (r2 + root), (r2 + root) / (2 * r1) if r1 > ZERO else np.inf
    zero = r2 / r1 if r1 > ZERO else np.inf

    def first(low: float) -> Pair:
        return low, _crossing(level, level(low), left, min(zero, _FAR))

    def second(high: float) -> Pair:
        return _crossing(level, level(high), zero, right), high

    yield [left - step for step in reversed(_STEPS)], first
    if right < _FAR:
        yield [right + step for step in _STEPS], second


def _crossing(level: Callable[[float], float], c: float, a: float, b: float) -> float:
    """Where ``level`` is ``c`` between ``a`` and ``b``; far out, where all is 0, the end."""
    if (level(a) - c) * (level(b) - c) >= 0:
        return a if abs(level(a) - c) < abs(level(b) - c) else b
    return _zero(lambda x: level(x) - c, a, b)


def _zero(function: Callable[[float], float], a: float, b: float) -> float:
    return root_scalar(function, bracket=(a, b), method="brentq", xtol=1e-15).root


def _excess(pair: Pair, slope: float) -> float:
    """``2Δ − 1 − B·d3·scale²/(d2·scale²)²``, zero at a root."""
    low, high = pair
    return float(2 * (ndtr(high) - ndtr(low)) - 1 - slope * _mean_slope(low, high))


def _mean_slope(low: float, high: float) -> float:
    """``B``."""
    return (high * exp(-(high**2) / 2) - low * exp(-(low**2) / 2)) / (2 * pi) ** 0.5
