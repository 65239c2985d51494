"""Data-independent coreset (Mussay et al., ICLR 2020): sample neurons by their sensitivity.

Neuron p, with row ``u_p`` and outgoing column ``v_p``, is drawn with probability proportional to
``s(p) = max_i |v_p[i]|·φ(β‖u_p‖)``: by the paper with replacement, by :mod:`baselines.sampling`
also otherwise.

The activation bound: ``|φ(u_p·x)| ≤ φ(β‖u_p‖)`` on ``‖(x, 1)‖ ≤ β``. For ReLU β cancels in the
probabilities; it matters where the activation is clipped or passes a depthwise convolution, whose
bound is ``Σ|D|·bound + |b|`` (clipped). Taps and consumers are outputs like any others. The traps
of LBYL's port of this method (bias read from column 1; convolutions rescaled along the wrong axis)
are avoided. At k = n nothing is sampled.
"""

from __future__ import annotations

from functools import partial
from math import inf

import numpy as np

from baselines.sampling import Sampled, Sampler
from tropnnc.errors import TropnncError
from tropnnc.unit import Array, Unit


def coreset(radius: float = 1.0, sampler: Sampler = "with_replacement") -> Sampled:
    """Importance sampling of neurons.

    Args:
        radius: β, the norm of the largest input (with the constant 1) that the bound holds for.
        sampler: see :class:`baselines.sampling.Sampled`.

    Raises:
        TropnncError: an option out of range.
    """
    if not 0 < radius < inf:
        raise TropnncError(f"radius = {radius:g} is out of range; accepted is above 0")
    return Sampled(partial(sensitivity, radius=radius), sampler)


def sensitivity(unit: Unit, radius: float) -> Array:
    """``max |v_p|·bound [n]``, the bound of what a consumer sees of neuron p."""
    bound = np.minimum(radius * np.linalg.norm(unit.incoming, axis=1), unit.cap)
    for stage in unit.depthwise:
        weights, bias = np.abs(stage.incoming[:, :-1]), np.abs(stage.incoming[:, -1])
        bound = weights.sum(axis=1) * bound + bias
        bound = bound if stage.cap is None else np.minimum(bound, stage.cap)
    return np.abs(unit.outgoing).max(axis=1) * bound
