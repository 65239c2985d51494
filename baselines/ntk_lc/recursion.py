"""The few numbers on which the kernels of a deep random network depend (ntk_lc.md 1.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from baselines.ntk_lc.coefficients import Coefficients


@dataclass(frozen=True)
class Conjugate:
    """``α_{l,1} … α_{l,4}`` of a layer's conjugate kernel."""

    a1: float
    a2: float
    a3: float
    a4: float


@dataclass(frozen=True)
class Tangent:
    """``β_{l,1} … β_{l,3}`` of a layer's neural tangent kernel, and ``κ_l²``, its diagonal.

    ``diagonal`` is None from the first activation on that jumps: there is no ``E[σ'²]``.
    """

    b1: float
    b2: float
    b3: float
    diagonal: float | None


def conjugate(layers: Sequence[Coefficients]) -> list[Conjugate]:
    """``α`` from the input (first) to the last of ``layers``: one entry more than there are."""
    chain = [Conjugate(1.0, 0.0, 0.0, 1.0)]
    for layer in layers:
        last, gain = chain[-1], layer.d1**2
        chain.append(
            Conjugate(
                a1=gain * last.a1,
                a2=gain * last.a2 + layer.d2**2 * last.a4**2 / 4,
                a3=gain * last.a3 + layer.d2**2 * last.a1**2 / 2,
                a4=layer.d3 * last.a4 / 2,
            )
        )
    return chain


def tangent(layers: Sequence[Coefficients]) -> list[Tangent]:
    """``β`` and ``κ²`` likewise, by the corrected recursion.

    The derivative kernel is of order one off the diagonal, which is why ``β`` is not ``α`` (as the
    preprint's Theorem 2 has it).
    """
    alphas = conjugate(layers)
    scale = layers[0].scale if layers else 1.0
    chain = [Tangent(1.0, 0.0, 0.0, scale**2)]
    for layer, before, alpha in zip(layers, alphas, alphas[1:], strict=False):
        last, gain = chain[-1], layer.d1**2
        chain.append(
            Tangent(
                b1=alpha.a1 + last.b1 * gain,
                b2=alpha.a2 + last.b2 * gain,
                b3=alpha.a3 + last.b3 * gain + last.b1 * layer.d2**2 * before.a1,
                diagonal=_diagonal(layer, last.diagonal),
            )
        )
    return chain


def _diagonal(layer: Coefficients, last: float | None) -> float | None:
    if last is None or layer.slope is None:
        return None
    return layer.tau**2 + last * layer.slope
