"""Which coefficients no activation has."""

from __future__ import annotations

from baselines.ntk_lc.coefficients import Coefficients
from tropnnc.errors import TropnncError


def hermite_parseval_bound(d1: float, d2: float, scale: float) -> float:
    """The least ``τ`` that goes with ``d1`` and ``d2`` at ``scale``, whatever the activation.

    The Hermite coefficients of the centred activation are ``c_1 = d1·scale``,
    ``c_2 = d2·scale²/√2``, …, and by Parseval ``τ² = Σ c_k² ≥ d1²·scale² + d2²·scale⁴/2``.
    """
    return (d1**2 * scale**2 + d2**2 * scale**4 / 2) ** 0.5


def check_bound(target: Coefficients, scale: float) -> None:
    """Raise where ``d1``, ``d2`` and ``τ`` of ``target`` go with no activation at ``scale``.

    Raises:
        TropnncError: naming the Hermite–Parseval bound.
    """
    bound = hermite_parseval_bound(target.d1, target.d2, scale)
    if target.tau < bound:
        raise TropnncError(
            f"no activation has d1 = {target.d1:.4g}, d2 = {target.d2:.4g} and tau ="
            f" {target.tau:.4g} at scale {scale:.4g}: by the Hermite–Parseval bound accepted is"
            f" tau ≥ {bound:.4g}; match d1, d2, d3 alone and fold the shift into the ridge"
        )
