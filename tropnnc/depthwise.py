"""Rows of a depthwise convolution, reduced as those of the unit that it belongs to."""

from __future__ import annotations

import numpy as np

from tropnnc.errors import TropnncError, UnsupportedUnit
from tropnnc.reduction import Reduction
from tropnnc.unit import Array, Depthwise, Unit

# Of rounding in a combination that averages.
_TOLERANCE = 1e-6


def reduced_rows(unit: Unit, stage: Depthwise, reduction: Reduction) -> Array:
    """Folded rows ``D̃ [k, taps+1]``: those of the kept neurons, or ``A·D``.

    Raises:
        UnsupportedUnit: rows of A that do not sum to one, see :mod:`tropnnc.rescaling`.
        TropnncError: the reduction has neither ``kept`` nor ``combination``.
    """
    if reduction.kept is not None:
        return stage.incoming[reduction.kept]
    if reduction.combination is None:
        raise TropnncError(
            f"{unit.name}: the depthwise convolution {stage.name} behind it needs a reduction with"
            " kept or combination"
        )
    sums = reduction.combination.sum(axis=1)
    if not np.allclose(sums, 1.0, rtol=0.0, atol=_TOLERANCE):
        worst = sums[np.argmax(np.abs(sums - 1.0))]
        raise UnsupportedUnit(
            f"{unit.name}: a row of the combination sums to {worst:.4g}, but the depthwise"
            f" convolution {stage.name} behind it is combined likewise; accepted are rows that sum"
            " to 1"
        )
    return reduction.combination @ stage.incoming
