"""Which coefficients no activation has, or none of so few values."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from baselines.ntk_lc.coefficients import Coefficients
from tropnnc.errors import TropnncError

# Pieces of equal mass into which the Gaussian is cut to be quantised.
ATOMS = 600


def hermite_parseval_bound(d1: float, d2: float, scale: float) -> float:
    """The least ``τ`` that goes with ``d1`` and ``d2`` at ``scale``, whatever the activation.

    The Hermite coefficients of the centred activation are ``c_1 = d1·scale``,
    ``c_2 = d2·scale²/√2``, …, and by Parseval ``τ² = Σ c_k² ≥ d1²·scale² + d2²·scale⁴/2``.
    """
    return (d1**2 * scale**2 + d2**2 * scale**4 / 2) ** 0.5


def quantisation_bound(d1: float, d2: float, scale: float, values: int) -> float:
    """The least ``τ`` of activations that take no more than so many ``values``.

    The rest ``Σ_{k≥3} c_k²`` is the mean squared distance of the centred activation from the
    quadratic ``q(ξ) = c_1·ξ + c_2·(ξ² − 1)/√2``, and no function of so many values is nearer to
    ``q`` than its best quantiser. (To about 1e-3: ``ξ`` is cut into :data:`ATOMS` pieces.)
    """
    xi = ndtri((np.arange(ATOMS) + 0.5) / ATOMS)
    c1, c2 = d1 * scale, d2 * scale**2 / 2**0.5
    quadratic = np.sort(c1 * xi + c2 * (xi**2 - 1) / 2**0.5)
    rest = _best_quantiser(quadratic, values)
    return (hermite_parseval_bound(d1, d2, scale) ** 2 + rest) ** 0.5


def _best_quantiser(atoms: np.ndarray, values: int) -> float:
    """The least mean squared error of ascending ``atoms`` by so many values: dynamic programme."""
    sums, squares = (np.concatenate([[0.0], np.cumsum(x)]) for x in (atoms, atoms**2))
    first, last = np.meshgrid(np.arange(len(sums)), np.arange(len(sums)), indexing="ij")
    count = np.maximum(last - first, 1)
    error = squares[last] - squares[first] - (sums[last] - sums[first]) ** 2 / count
    error[last < first] = np.inf
    best = error[0]  # of the first so many atoms by one value
    for _ in range(values - 1):
        best = (best[:, None] + error).min(axis=0)
    return float(best[-1]) / len(atoms)


def check_bounds(target: Coefficients, scale: float, values: int) -> None:
    """Raise where ``d1``, ``d2`` and ``τ`` of ``target`` go with no activation at ``scale``.

    Args:
        target: what the activation should have.
        scale: of the pre-activation that it sees.
        values: how many it takes.

    Raises:
        TropnncError: naming the bound, Hermite–Parseval's or that of so few values.
    """
    parseval = hermite_parseval_bound(target.d1, target.d2, scale)
    if target.tau < parseval:
        raise _infeasible("no activation", target, scale, "the Hermite–Parseval bound", parseval)
    quantised = quantisation_bound(target.d1, target.d2, scale, values)
    if target.tau < quantised:
        who = f"no activation of {values} values"
        raise _infeasible(who, target, scale, "the distance of a quadratic from it", quantised)


def _infeasible(
    who: str, target: Coefficients, scale: float, bound: str, least: float
) -> TropnncError:
    return TropnncError(
        f"{who} has d1 = {target.d1:.4g}, d2 = {target.d2:.4g} and tau = {target.tau:.4g} at scale"
        f" {scale:.4g}: by {bound} accepted is tau ≥ {least:.4g}; match d1, d2, d3 alone and fold"
        " the shift into the ridge"
    )
