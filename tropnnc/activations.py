"""Sums over calibration images of what a unit's consumers read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tropnnc.unit import Array, Calibration, Point, Unit


@dataclass(frozen=True)
class Sums:
    """Over images, all positions that a consumer reads, and consumers.

    Attributes:
        gram: ``Σ h·hᵀ [n, n]``.
        total: ``Σ h [n]``.
        count: number of summands.
    """

    gram: Array
    total: Array
    count: int


def activation_sums(
    unit: Unit, calibration: Calibration, network: Literal["dense", "current"]
) -> Sums:
    """First and second moments of the unit's activations in ``network``, not yet divided."""
    gram, total, count = np.zeros((unit.neurons, unit.neurons)), np.zeros(unit.neurons), 0
    for index in range(len(unit.consumers)):
        for (hidden,) in calibration.stream(Point("consumer_input", network, index)):
            rows = hidden.double().cpu().flatten(2).movedim(1, -1).flatten(0, 1).numpy()
            gram += rows.T @ rows
            total += rows.sum(axis=0)
            count += len(rows)
    return Sums(gram, total, count)
