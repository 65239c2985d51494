"""Non-uniform TropNNC: a global cut through the clusters of neural paths (theory.md, section 4)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from tropnnc.allocation.budget import Budget
from tropnnc.allocation.cut import GlobalCut
from tropnnc.errors import check_choice
from tropnnc.unit import Array, Unit
from tropnnc.ward import ward

Normalisation = Literal["none", "norm"]


def tropnnc(normalisation: Normalisation = "none", budget: Budget = "neurons") -> GlobalCut:
    """Ward on the neural paths ``(w_i, C_:i)`` of every unit, one height for the whole network.

    Where a unit has depthwise rows D, they lie on the path: ``(w_i, D_i, C_:i)``.

    Args:
        normalisation: of the heights: ``none``, or ``norm``, see :func:`normalised_heights`.
        budget: ``neurons``, ``parameters`` or ``macs``: of which as much remains as in the network
            whose units all keep the same share.
    """
    check_choice("normalisation", normalisation, ("none", "norm"))
    return GlobalCut(path_heights if normalisation == "none" else normalised_heights, budget)


def path_heights(unit: Unit) -> Array:
    """Ward distances of the merges of the rows ``(w_i, D_i, C_:i)``, ascending, ``[n−1]``."""
    return ward(unit.own_rows, unit.outgoing).heights


def normalised_heights(unit: Unit) -> Array:
    """:func:`path_heights` over ``√(Σ_i ‖C_:i‖·‖(w_i, D_i)‖)``.

    A squared height is twice what the merge adds to the K-means objective, which is quadratic
    in the weights as the unit's total ``Σ_i ‖C_:i‖·‖(w_i, D_i)‖`` is: their quotient has no
    unit. So a unit whose weights on both sides are ``s`` times as large keeps the same share of
    its neurons. Moving a factor from one side to the other changes the features and hence the
    answer, with or without normalisation. Every merge in a unit without any output is free.
    """
    incoming, outgoing = unit.own_rows, unit.outgoing
    total = np.sqrt(np.vecdot(incoming, incoming) * np.vecdot(outgoing, outgoing)).sum()
    heights = ward(incoming, outgoing).heights
    return heights / np.sqrt(total) if total > 0 else np.zeros_like(heights)
