"""Pruning by a percentile of the magnitudes (relatives.md A1, step 1)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tropnnc.errors import TropnncError
from tropnnc.unit import Array


def surviving(weight: Array, percent: float) -> NDArray[np.bool_]:
    """Mask of the entries whose magnitude is strictly above the percentile of one layer's.

    Args:
        weight: of any shape.
        percent: of linear interpolation, from 0 to below 100; whatever ties with the threshold
            goes. At 0 nothing is pruned but zeros.

    Raises:
        TropnncError: a percentage outside.
    """
    if not 0 <= percent < 100:
        raise TropnncError(f"prune = {percent}: accepted are percentages from 0 to below 100")
    size = np.abs(weight)
    return size > (np.percentile(size, percent) if percent else 0.0)
