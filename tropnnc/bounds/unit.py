"""Bounds for units of many outputs: (B5), (B6) and any reduction.

``v`` is what the unit adds to its consumers, theory.md. All bounds are on ``‖v − ṽ‖₂`` at one
output position of a consumer, added over the consumers, for inputs of the unit (convolution: every
patch of it) with ``‖x‖ ≤ radius``. Taps, a flattened map's positions included, are summed: they can
add coherently. ReLU, max-pooling and average pooling between producer and consumer do not increase
the largest error at a position, so the bounds survive them.
"""

from __future__ import annotations

import numpy as np

from tropnnc.bounds.channel import channel_errors
from tropnnc.bounds.rows import decompose, nearest_mix
from tropnnc.bounds.zonotope import homogeneous_radius
from tropnnc.errors import TropnncError, UnsupportedUnit
from tropnnc.lipschitz import spectral_norm
from tropnnc.reduction import Reduction
from tropnnc.rescaling import check_rescalable
from tropnnc.unit import Array, Consumer, IntArray, Unit


def neuron_bound(outgoing_norms: Array, distances: Array, radius: float) -> float:
    """``ρ·Σ ‖C_i‖·δ_i`` over ``‖x‖ ≤ radius``, δ any bound per neuron on ``relu − mixture``.

    Args:
        outgoing_norms: ``‖C_i‖ [n]``, summed over taps and consumers.
        distances: ``δ [n]`` with ``|relu(w_i·u) − …| ≤ δ_i ‖u‖``.
        radius: of the unit's input, or of every patch.
    """
    return homogeneous_radius(radius) * float(outgoing_norms @ distances)


def cluster_bound(unit: Unit, rows: Array, labels: IntArray, radius: float) -> float:
    """(B5) ``ρ·Σ ‖C_i‖·‖w_i − w̃_k(i)‖`` where each cluster's outgoing weights are **summed**.

    Args:
        unit: the unit.
        rows: ``w̃ [k, d+1]``.
        labels: cluster of every neuron ``[n]``.
        radius: of the unit's input, or of every patch.

    Raises:
        UnsupportedUnit: a depthwise convolution lies behind the unit.
    """
    if unit.depthwise:
        raise UnsupportedUnit(
            f"{unit.name}: (B5) does not reach behind the depthwise convolution"
            f" {unit.depthwise[0].name}; accepted is reduction_bound"
        )
    distances = np.linalg.norm(unit.incoming - rows[labels], axis=1)
    return neuron_bound(unit.outgoing_norms, distances, radius)


def direction_bound(unit: Unit, directions: Array, labels: IntArray, radius: float) -> float:
    """(B6) ``ρ·Σ ‖C_i‖·‖w_i − t_i w̃_k(i)‖`` with ``t_i = max(0, w_i·w̃_k)`` for unit ``w̃_k``.

    For outgoing weights ``Σ t_i C_:i``; ``ρ·Σ ‖C_i‖ ‖w_i‖ sin θ_i`` for acute angles. Arguments as
    in :func:`cluster_bound`; the rows are divided by their lengths.

    Raises:
        UnsupportedUnit: the unit does not allow its neurons to be rescaled.
    """
    check_rescalable(unit, "(B6)")
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    if not lengths.all():
        raise TropnncError("a direction is zero; accepted are rows other than zero")
    own = (directions / lengths)[labels]
    scale = np.maximum((unit.incoming * own).sum(axis=1), 0.0)
    distances = np.linalg.norm(unit.incoming - scale[:, None] * own, axis=1)
    return neuron_bound(unit.outgoing_norms, distances, radius)


def reduction_bound(unit: Unit, reduction: Reduction, radius: float) -> float:
    """Bound for any reduction: pruned, merged, scaled, or mixed by least squares.

    The smaller of ``ρ·Σ ‖C_i‖ δ_i``, δ by :mod:`tropnnc.bounds.rows`, and, where no max-pool lies
    between, ``½ρ·(Σ_p ‖C_p (W − T W̃)‖₂ + Σ ‖C_i‖ δ_i)``: with ``relu(z) = (z + |z|)/2`` the linear
    half cancels inside clusters. For one output and sums this second form is (B2). A fit of every
    tap adds ``ρ·Σ ‖C_k T − C̃_k‖·‖w̃_k‖``, an offset adds its norm. Units with a clipped ReLU or
    depthwise convolutions: :mod:`tropnnc.bounds.channel`.

    Raises:
        TropnncError: the reduction has a ``row_scale``, which also scales the consumer's bias that
            a unit does not know.
    """
    if reduction.row_scale is not None:
        raise TropnncError(
            f"{unit.name}: row_scale also scales the consumer's bias, which a unit does not hold;"
            " accepted are mix, outgoing and offset (or bound the networks with certify)"
        )
    offsets = sum(float(np.linalg.norm(offset)) for offset in reduction.offset or ())
    if not unit.is_homogeneous:
        channels = channel_errors(unit, reduction, homogeneous_radius(radius))
        fitted = _fit_residual(unit, reduction, channels.mix, channels.sizes)
        return float(unit.outgoing_norms @ channels.errors) + fitted + offsets
    mix = reduction.mix
    if mix is None:
        mix = nearest_mix(unit.incoming, reduction.incoming)
    rows = np.linalg.norm(reduction.incoming, axis=1)
    parts = decompose(unit.incoming, reduction.incoming, mix)
    distances = parts.bounds(np.linalg.norm(parts.main, axis=1), rows)
    bound = float(unit.outgoing_norms @ distances)
    if all(stage.kind != "max_pool" for stage in unit.between):
        residual = unit.incoming - mix @ reduction.incoming
        linear = sum(_linear_half(consumer, residual) for consumer in unit.consumers)
        bound = min(bound, 0.5 * (linear + bound))
    fitted = _fit_residual(unit, reduction, mix, rows)
    return homogeneous_radius(radius) * (bound + fitted) + offsets


def _linear_half(consumer: Consumer, residual: Array) -> float:
    """``Σ_p ‖C_p (W − T W̃)‖₂``."""
    through = np.einsum("mnp,nd->pmd", consumer.outgoing, residual, optimize=True)
    return float(spectral_norm(through).sum())


def _fit_residual(unit: Unit, reduction: Reduction, mix: Array, sizes: Array) -> float:
    """``Σ_k Σ_p ‖(C_p T − C̃_p)_:k‖·s_k``, s a bound on each activation: 0 for a mixing matrix."""
    if reduction.outgoing is None:
        return 0.0
    total = 0.0
    for consumer, outgoing in zip(unit.consumers, reduction.outgoing, strict=True):
        gap = np.einsum("mnp,nk->mkp", consumer.outgoing, mix, optimize=True) - outgoing
        total += float(np.linalg.norm(gap, axis=0).sum(axis=1) @ sizes)
    return total
