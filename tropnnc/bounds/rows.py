"""How far every neuron is from its mixture: the rows behind each bound.

For one neuron, ``z = w·u`` and ``z̃_k = w̃_k·u``. ReLU is 1-Lipschitz and positively homogeneous, so
for any k with ``T_k > 0``, or none (the first term then is ``|z|``),

    |relu(z) − Σ T_k relu(z̃_k)| ≤ |z − T_k z̃_k| + Σ_{others} |T_l|·|z̃_l|.

A mixture of one entry has no others: this is (B5) for T = 1, (B6) for a scale. All that was used is
that relu is Lipschitz, positively homogeneous and zero at 0, so the same holds, times its Lipschitz
constant, for ReLU and max-pools in any order. A clipped ReLU (ReLU6) is not homogeneous; for it

    |φ(z) − Σ T_k φ(z̃_k)| ≤ |z − z̃_k| + |1 − T_k|·|z̃_k| + Σ_{others} |T_l|·|z̃_l|,  any T_k.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.unit import Array


@dataclass(frozen=True)
class Decomposition:
    """The terms of that inequality for every neuron.

    Attributes:
        main: ``w_i − T_ik w̃_k`` (clipped: ``w_i − w̃_k``) with the k that makes the bound smallest,
            ``[n, d+1]``.
        others: ``|T_il|`` of the other entries, ``[n, k]``, and what is left of ``T_ik``.
    """

    main: Array
    others: Array

    def bounds(self, main: Array, rows: Array) -> Array:
        """Error of every neuron ``[n]`` from bounds on ``main`` ``[n]`` and on ``w̃`` ``[k]``."""
        return main + self.others @ rows


def decompose(incoming: Array, rows: Array, mix: Array, homogeneous: bool = True) -> Decomposition:
    """Split ``relu(W u) − T·relu(W̃ u)`` into terms.

    Args:
        incoming: ``W [n, d+1]``.
        rows: ``W̃ [k, d+1]``.
        mix: ``T [n, k]``, any real matrix.
        homogeneous: whether the ReLU is; a clipped one is not.
    """
    scale = mix if homogeneous else np.ones_like(mix)
    left = np.abs(mix - scale)
    lengths = np.linalg.norm(rows, axis=1)
    with one_thread():
        inner = incoming @ rows.T
    own = (incoming**2).sum(axis=1)[:, None]
    # ‖w_i − T_ik w̃_k‖ − |T_ik|·‖w̃_k‖ against ‖w_i‖: what the choice of k gains.
    square = own - 2 * scale * inner + (scale * lengths) ** 2
    cost = np.sqrt(np.maximum(square, 0.0)) + (left - np.abs(mix)) * lengths
    cost = np.where(scale > 0, cost, np.inf)
    chosen = cost.argmin(axis=1)
    every = np.arange(len(incoming))
    gains = cost[every, chosen] < np.sqrt(own[:, 0])
    coefficient = np.where(gains, scale[every, chosen], 0.0)
    others = np.abs(mix)
    others[every, chosen] = np.where(gains, left[every, chosen], others[every, chosen])
    return Decomposition(incoming - coefficient[:, None] * rows[chosen], others)


def nearest_mix(incoming: Array, rows: Array) -> Array:
    """``T [n, k]`` with one entry per neuron: the row and the scale ``t ≥ 0`` nearest to ``w_i``.

    The coefficients of (B6): ``t = max(0, w_i·w̃_k)/‖w̃_k‖²``.
    """
    lengths = (rows**2).sum(axis=1)
    with one_thread():
        inner = np.maximum(incoming @ rows.T, 0.0)
    alive = lengths > np.finfo(float).tiny
    scale = np.divide(inner, lengths, out=np.zeros_like(inner), where=alive)
    chosen = (scale * inner).argmax(axis=1)
    every = np.arange(len(incoming))
    mix = np.zeros_like(scale)
    mix[every, chosen] = scale[every, chosen]
    return mix
