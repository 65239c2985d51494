"""Give batch norm back: raw filters and batch-norm parameters that fold to the asked rows.

Theory.md, end of section 3. In evaluation mode the layer is the folded one whatever the running
statistics are; they are chosen so that re-calibration and further training behave.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.reduction import Reduction
from tropnnc.unit import Array, BatchNorm, Depthwise, IntArray, Unit


@dataclass(frozen=True)
class Unfolded:
    """What folds to some rows.

    Attributes:
        filters: ``[k, d]``.
        bias: ``[k]``.
        batch_norm: behind them, if any.
    """

    filters: Array
    bias: Array
    batch_norm: BatchNorm | None


def unfold(layer: Unit | Depthwise, incoming: Array, reduction: Reduction) -> Unfolded:
    """What folds to the rows ``incoming [k, d+1]`` that ``reduction`` makes of ``layer``.

    Raises:
        TropnncError: there is a batch norm, the reduction has none of ``batch_norm``, ``kept`` and
            ``combination``.
    """
    rows, bias = incoming[:, :-1], incoming[:, -1]
    if layer.batch_norm is None:
        return Unfolded(rows, bias, None)
    if reduction.batch_norm is not None:
        return _given(rows, reduction.batch_norm)
    if reduction.kept is not None:
        return _keep(layer, layer.batch_norm, incoming, reduction.kept)
    if reduction.combination is not None:
        norm = _merge(layer, layer.batch_norm, reduction.combination, bias)
        return Unfolded(rows, np.zeros_like(bias), norm)
    raise TropnncError(f"{layer.name}: batch norm needs a reduction with kept or combination")


def _given(rows: Array, norm: BatchNorm) -> Unfolded:
    """The method's own batch norm, and the filters ``[k, d]`` that it folds to ``rows``."""
    scale = norm.scale[:, None]
    filters = np.divide(rows, scale, out=np.zeros_like(rows), where=scale != 0)
    return Unfolded(filters, np.zeros(len(rows)), norm)


def _keep(
    layer: Unit | Depthwise, batch_norm: BatchNorm, incoming: Array, kept: IntArray
) -> Unfolded:
    """Selected neurons keep γ, β and the variance; refitted ones move their running mean."""
    own = batch_norm.of(kept)
    filters, bias = layer.filters[kept], layer.filter_bias[kept]
    refitted = (incoming != layer.incoming[kept]).any(axis=1) & (own.weight != 0)
    scale = own.scale[refitted]
    filters[refitted] = incoming[refitted, :-1] / scale[:, None]
    mean = own.running_mean.copy()
    mean[refitted] = bias[refitted] + (own.bias[refitted] - incoming[refitted, -1]) / scale
    return Unfolded(filters, bias, replace(own, running_mean=mean))


def _merge(layer: Unit | Depthwise, batch_norm: BatchNorm, mixing: Array, bias: Array) -> BatchNorm:
    """Batch norm of merged rows ``ã·x``, whose variance follows from the filters' cosines."""
    norms = np.linalg.norm(layer.filters, axis=1)
    directions = layer.filters / np.where(norms > 0, norms, 1.0)[:, None]
    # The pre-activations of i and j covary as γ_i γ_j cos(a_i, a_j), a the raw filters: signed γ,
    # where theory.md has |γ|, which is right only for folded filters.
    spread = (mixing * batch_norm.weight) @ directions
    variance = np.maximum((spread**2).sum(axis=1), 2 * batch_norm.eps)
    shift = mixing @ batch_norm.bias
    return BatchNorm(
        weight=np.sqrt(variance),
        bias=shift,
        running_mean=shift - bias,
        running_var=variance - batch_norm.eps,
        eps=batch_norm.eps,
    )
