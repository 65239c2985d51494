"""What one layer adds to the error: its rows against the mixture of the compressed rows."""

from __future__ import annotations

import numpy as np

from tropnnc.bounds.rows import decompose
from tropnnc.certification.affine import Affine
from tropnnc.certification.state import Fresh
from tropnnc.errors import TropnncError
from tropnnc.unit import Array


def unit_error(
    unit: str, lifted: Affine, small: Affine, mix: Array, radius: float, homogeneous: bool
) -> Fresh:
    """Bound on ``‖φ(W T' ã) − T φ(W̃ ã)‖`` over ``‖ã‖ ≤ radius``, φ a ReLU (1-Lipschitz).

    ``homogeneous``: whether φ is; a clipped one is not.

    The rows of ``lifted`` are ``W T'``, T' the mixing matrix of the layer's input. Two ways, of
    which the smaller counts: the root of the sum of squares over the neurons, and the operator norm
    of the main terms of all neurons at once.
    """
    parts = decompose(lifted.rows, small.rows, mix, homogeneous)
    main = lifted.with_rows(parts.main)
    others = np.zeros(len(mix))
    if parts.others.any():
        others = parts.others @ small.channels_on_ball(radius)
    channels = main.channels_on_ball(radius) + others
    at_once = main.on_ball(radius) + float(np.linalg.norm(others))
    return Fresh(unit, min(float(np.linalg.norm(channels)), at_once), channels, radius)


def gap(layer: str, lifted: Affine, small: Affine, radius: float) -> float:
    """``max ‖(A T − Ã) ã + b − b̃‖`` over ``‖ã‖ ≤ radius``: 0 but for rounding and refits.

    Raises:
        TropnncError: the layers have different shapes.
    """
    if lifted.kernel.shape != small.kernel.shape:
        wanted, found = lifted.kernel.shape[:2], small.kernel.shape[:2]
        raise TropnncError(
            f"{layer} has {found[0]} × {found[1]} channels in the compressed network, expected"
            f" {wanted[0]} × {wanted[1]}: accepted is what compress returned for this model"
        )
    difference = lifted.rows - small.rows
    return lifted.with_rows(difference).on_ball(radius) if difference.any() else 0.0
