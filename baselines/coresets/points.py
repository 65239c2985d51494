"""Neurons as points: what bounds what a consumer sees of them, linear in the input."""

from __future__ import annotations

import numpy as np

from tropnnc.unit import Array, Unit


def weighted_rows(unit: Unit) -> Array:
    """``a_p·u_p [n, d+1]``, ``a_p`` the largest outgoing weight: ReLU is positively homogeneous.

    What a consumer sees of neuron p is at most ``|a_p·u_p·x̃|``, clipped or not. Behind depthwise
    convolutions, of gain ``Σ|D|``, their biases add a column.
    """
    rows, behind = unit.incoming, np.zeros(unit.neurons)
    for stage in unit.depthwise:
        gain = np.abs(stage.incoming[:, :-1]).sum(axis=1)
        rows = gain[:, None] * rows
        behind = gain * behind + np.abs(stage.incoming[:, -1])
    rows = np.column_stack([rows, behind]) if unit.depthwise else rows
    return np.abs(unit.outgoing).max(axis=1)[:, None] * rows
