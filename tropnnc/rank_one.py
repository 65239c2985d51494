"""The best single neuron for a cluster: the leading singular pair of ``M = Σ C_:i w_iᵀ``.

Theory.md, section 3, iterative step. M is ``m·taps × (d+1)`` but has rank at most the number of
members, so it is never formed: with ``W_I = R_wᵀ Q_wᵀ`` and ``C_I = Q_c R_c`` its singular values
are those of the small core ``R_c R_wᵀ``.
"""

from __future__ import annotations

import numpy as np

from tropnnc.clustering import triangular_factor
from tropnnc.unit import Array

_TIES = 1e-12


def rank_one_weights(incoming: Array, outgoing: Array) -> Array:
    """Coefficients ``a [s]`` of the merged row ``w̃ = Σ a_i w_i`` of a cluster of ``s`` neurons.

    Args:
        incoming: ``w_i``, ``[s, d+1]``.
        outgoing: ``C_:i``, ``[s, m·taps]``.

    Returns:
        ``a`` with ``w̃`` along the leading right singular vector of ``M``, its sign agreeing with
        the members and its length such that the projections ``w_i·w̃/‖w̃‖²``, weighted by
        ``‖C_:i‖``, average to 1. Where ``M = 0``, or the members cancel along that vector, the mean
        ``1/s``: the starting point.
    """
    size = len(incoming)
    mean = np.full(size, 1.0 / size)
    if size == 1:
        return mean
    factor_w, factor_c = triangular_factor(incoming.T), triangular_factor(outgoing.T)
    left, values, _ = np.linalg.svd(factor_c @ factor_w.T)
    if values[0] <= _TIES * np.linalg.norm(factor_c) * np.linalg.norm(factor_w):
        return mean
    # One least-squares step from the left vector: w̃ ← Mᵀc̃, so a_i = C_:i·c̃.
    direction = factor_c.T @ left[:, 0]
    row = direction @ incoming
    # Weighted so that rescaling a neuron (w_i up, C_:i down) cannot turn the sign.
    agreement = np.average(incoming @ row, weights=np.linalg.norm(outgoing, axis=1))
    length = row @ row
    if abs(agreement) <= _TIES * length:
        return mean
    return direction * (agreement / length)
