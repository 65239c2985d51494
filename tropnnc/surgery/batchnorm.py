"""Give batch norm back: raw filters and batch-norm parameters that fold to the asked rows.

Theory.md, end of section 3. In evaluation mode the layer is the folded one whatever the running
statistics are; they are chosen so that re-calibration and further training behave.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.reduction import Reduction
from tropnnc.unit import Array, BatchNorm, IntArray, Unit


def unfold(unit: Unit, reduction: Reduction) -> tuple[Array, Array, BatchNorm | None]:
    """Filters ``[k, d]``, bias ``[k]`` and batch norm that fold to ``reduction.incoming``.

    Raises:
        TropnncError: the unit has a batch norm, the reduction neither ``kept`` nor ``combination``.
    """
    rows, bias = reduction.incoming[:, :-1], reduction.incoming[:, -1]
    if unit.batch_norm is None:
        return rows, bias, None
    if reduction.kept is not None:
        return _keep(unit, unit.batch_norm, reduction.incoming, reduction.kept)
    if reduction.combination is not None:
        return rows, np.zeros_like(bias), _merge(unit, unit.batch_norm, reduction, bias)
    raise TropnncError(f"{unit.name}: batch norm needs a reduction with kept or combination")


def _keep(
    unit: Unit, batch_norm: BatchNorm, incoming: Array, kept: IntArray
) -> tuple[Array, Array, BatchNorm]:
    """Selected neurons keep γ, β and the variance; refitted ones move their running mean."""
    own = BatchNorm(
        batch_norm.weight[kept],
        batch_norm.bias[kept],
        batch_norm.running_mean[kept],
        batch_norm.running_var[kept],
        batch_norm.eps,
    )
    filters, bias = unit.filters[kept], unit.filter_bias[kept]
    refitted = (incoming != unit.incoming[kept]).any(axis=1) & (own.weight != 0)
    scale = own.scale[refitted]
    filters[refitted] = incoming[refitted, :-1] / scale[:, None]
    mean = own.running_mean.copy()
    mean[refitted] = bias[refitted] + (own.bias[refitted] - incoming[refitted, -1]) / scale
    return filters, bias, replace(own, running_mean=mean)


def _merge(unit: Unit, batch_norm: BatchNorm, reduction: Reduction, bias: Array) -> BatchNorm:
    """Batch norm of merged rows ``ã·x``, whose variance follows from the filters' cosines."""
    mixing = reduction.combination
    assert mixing is not None
    norms = np.linalg.norm(unit.filters, axis=1)
    directions = unit.filters / np.where(norms > 0, norms, 1.0)[:, None]
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
