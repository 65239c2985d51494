"""Widths by what each neuron gains: pool the greedy gains of all units, keep the largest.

Theory.md, section 5, on moments of the Gaussian model of the dense network, without an image.
"""

from __future__ import annotations

import numpy as np

from tropnnc.allocation.budget import Budget
from tropnnc.allocation.cut import GlobalCut
from tropnnc.allocation.neural_path import Normalisation
from tropnnc.composition.gaussian import Gaussian
from tropnnc.composition.greedy import consumer_gram, greedy_path
from tropnnc.errors import check_choice
from tropnnc.unit import Array, Unit


def gain(normalisation: Normalisation = "none", budget: Budget = "neurons") -> GlobalCut:
    """One threshold on the gains of all units.

    Args:
        normalisation: of the gains: ``none``, or ``norm``, see :func:`normalised_gains`.
        budget: ``neurons``, ``parameters`` or ``macs``: of which as much remains as in the network
            whose units all keep the same share.
    """
    check_choice("normalisation", normalisation, ("none", "norm"))
    return GlobalCut(gains if normalisation == "none" else normalised_gains, budget)


def gains(unit: Unit) -> Array:
    """Gains of all neurons but the first of the greedy path, ascending, ``[n−1]``.

    In units of the consumers' outputs, squared. A gain above an earlier one of the path is lowered
    to it: the later neuron is only to be had after the earlier.
    """
    path = greedy_path(Gaussian().moments(unit).gram, consumer_gram(unit))
    return np.minimum.accumulate(path.gains)[:0:-1]


def normalised_gains(unit: Unit) -> Array:
    """:func:`gains` over the unit's total ``tr(B G) = E‖C h‖²``; zeros where that is zero."""
    moments, weights = Gaussian().moments(unit), consumer_gram(unit)
    total = np.vdot(moments.gram, weights)
    ascending = gains(unit)
    return ascending / total if total > 0 else np.zeros_like(ascending)
