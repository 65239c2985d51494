"""Error of every neuron as its consumers read it: clipped ReLU and depthwise convolutions.

Neuron i of the dense unit against neuron k of the reduced one, at any position and for every input
whose patches have ``‖u‖ ≤ ρ``. With ``a_i = φ(w_i·u)``, φ a ReLU clipped at ``cap``,

    |a_i| ≤ m_i = min(ρ‖w_i‖, cap),    |a_i − ã_k| ≤ g_ik = min(ρ‖w_i − w̃_k‖, cap).

Behind a depthwise convolution with filters D and biases b, and the activation behind that, these
bounds become (‖D‖₁ because every position of the channel obeys them)

    m_i ← ‖D_i‖₁ m_i + |b_i|,    g_ik ← ‖D̃_k‖₁ g_ik + ‖D_i − D̃_k‖₁ m_i + |b_i − b̃_k|,

clipped again, and so on for every further one. Pooling in between raises neither. A mixture then
errs as in :mod:`tropnnc.bounds.rows`, for any T:

    |a_i − Σ T_k ã_k| ≤ g_ik + |1 − T_ik| m̃_k + Σ_{l≠k} |T_il| m̃_l,  or m_i + Σ_l |T_il| m̃_l.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.spatial.distance import cdist

from tropnnc.depthwise import reduced_rows
from tropnnc.reduction import Reduction
from tropnnc.unit import Array, Unit


@dataclass(frozen=True)
class ChannelErrors:
    """What consumers read of the two units.

    Attributes:
        errors: bound on ``|a_i − Σ T_ik ã_k|``, ``[n]``.
        sizes: bound ``m̃ [k]`` on the reduced activations.
        mix: ``T [n, k]``, the reduction's, or the nearest neuron where it fits every tap.
    """

    errors: Array
    sizes: Array
    mix: Array


@dataclass(frozen=True)
class _Channels:
    """``m [n]``, ``m̃ [k]`` and ``g [n, k]`` of the derivation."""

    dense: Array
    small: Array
    gap: Array

    def clipped(self, cap: float | None) -> _Channels:
        """Behind an activation; every map stays in [0, cap]."""
        if cap is None:
            return self
        return _Channels(*(np.minimum(bound, cap) for bound in (self.dense, self.small, self.gap)))

    def convolved(self, dense: Array, small: Array) -> _Channels:
        """Behind depthwise rows ``D [n, taps+1]`` and ``D̃ [k, taps+1]``, bias last."""
        before, after = (np.abs(rows[:, :-1]).sum(axis=1) for rows in (dense, small))
        unlike = _distances(dense[:, :-1], small[:, :-1], "cityblock")
        return _Channels(
            before * self.dense + np.abs(dense[:, -1]),
            after * self.small + np.abs(small[:, -1]),
            self.gap * after + unlike * self.dense[:, None] + np.abs(dense[:, -1:] - small[:, -1]),
        )


def channel_errors(unit: Unit, reduction: Reduction, rho: float) -> ChannelErrors:
    """The bounds for ``‖u‖ ≤ rho``.

    Raises:
        TropnncError: a depthwise convolution that the reduction does not say how to reduce.
    """
    channels = _Channels(
        rho * np.linalg.norm(unit.incoming, axis=1),
        rho * np.linalg.norm(reduction.incoming, axis=1),
        rho * _distances(unit.incoming, reduction.incoming, "euclidean"),
    ).clipped(unit.cap)
    for stage in unit.depthwise:
        rows = reduced_rows(unit, stage, reduction)
        channels = channels.convolved(stage.incoming, rows).clipped(stage.cap)
    mix = reduction.mix
    if mix is None:
        mix = np.eye(reduction.width)[channels.gap.argmin(axis=1)]
    return ChannelErrors(_mixture_errors(channels, mix), channels.small, mix)


def _distances(rows: Array, others: Array, metric: Literal["euclidean", "cityblock"]) -> Array:
    return np.asarray(cdist(rows, others, metric), dtype=np.float64)


def _mixture_errors(channels: _Channels, mix: Array) -> Array:
    whole = np.abs(mix) @ channels.small
    own = channels.gap + (np.abs(1 - mix) - np.abs(mix)) * channels.small
    return whole + np.minimum(channels.dense, own.min(axis=1))
