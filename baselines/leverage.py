"""Leverage scores of a layer's neurons, after Tukan et al., truncated, ours.

``s_p = ‖(U_r)_p‖² + 1/n``, ``U_r`` the first left singular vectors of the points
``max|v_p|·(w_p, b_p)`` (relatives.md B.5). On all dimensions the leverage of independent rows is 1:
a rank of n or more samples uniformly in most layers.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from baselines.coresets.peeling import principal
from baselines.coresets.points import weighted_rows
from baselines.sampling import Sampled, Sampler
from tropnnc.errors import check_at_least_one
from tropnnc.unit import Array, Unit


def leverage(rank: int = 20, sampler: Sampler = "with_replacement") -> Sampled:
    """A sample by truncated leverage.

    Args:
        rank: singular vectors that count.
        sampler: see :class:`baselines.sampling.Sampled`.

    Raises:
        TropnncError: an option out of range.
    """
    check_at_least_one("rank", rank)
    return Sampled(partial(sensitivity, rank=rank), sampler)


def sensitivity(unit: Unit, rank: int) -> Array:
    """Leverage and ``1/n``, so that every neuron can be drawn, ``[n]``."""
    return leverages(weighted_rows(unit), rank) + 1 / unit.neurons


def leverages(rows: Array, rank: int) -> Array:
    """``‖(U_r)_p‖² [n]`` of ``rows [n, d]``."""
    return np.square(principal(rows, rank)).sum(axis=1)
