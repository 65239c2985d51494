"""How important a neuron is to the methods that choose first and compensate afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.spatial.distance import cdist

from tropnnc.errors import check_choice
from tropnnc.reduction import Reduction
from tropnnc.unit import Array, IntArray, Unit

Fill = Callable[[IntArray, IntArray], Array]
Criterion = Literal["l1", "l2", "gm"]


def check_criterion(criterion: str) -> None:
    """Raise :class:`tropnnc.errors.TropnncError` unless it is ``l1``, ``l2`` or ``gm``."""
    check_choice("selector", criterion, ("l1", "l2", "gm"))


def importance(rows: Array, criterion: Criterion) -> Array:
    """Scores ``[n]`` of ``rows [n, d]``; the neurons of largest score stay.

    ``l1`` and ``l2`` are norms. ``gm`` is the sum of the Euclidean distances to all other rows:
    it is least at their geometric median (He et al., CVPR 2019, equation 5).
    """
    if criterion == "gm":
        return np.asarray(cdist(rows, rows).sum(axis=1))
    return np.linalg.norm(rows, ord=1 if criterion == "l1" else 2, axis=1)


def compared_rows(unit: Unit) -> Array:
    """What Neuron Merging and LBYL compare: raw filters before a batch norm, else ``[w; b]``."""
    if unit.batch_norm is not None:
        return unit.filters
    return np.column_stack([unit.filters, unit.filter_bias])


def keeping(unit: Unit, kept: IntArray, fill: Fill) -> Reduction:
    """The neurons ``kept [k]`` as they are, and the others written with them.

    Args:
        unit: of ``n`` neurons.
        kept: ascending.
        fill: ``fill(pruned, kept)`` are the rows ``[p, k]`` of the mixing matrix of those pruned.
    """
    pruned = np.setdiff1d(np.arange(unit.neurons), kept)
    mix = np.zeros((unit.neurons, len(kept)))
    mix[kept, np.arange(len(kept))] = 1.0
    if len(pruned):
        mix[pruned] = fill(pruned, kept)
    return Reduction(incoming=unit.incoming[kept], mix=mix, kept=kept)
