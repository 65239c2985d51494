"""Coresets of the ellipsoid around a layer's neurons, after Tukan et al., truncated, ours.

The paper (Tukan, Mualem, Maalouf: pruning by Löwner ellipsoids and Carathéodory's theorem) could
not be read; this is the construction of its first author's code for coresets of other losses, as
relatives.md B.5 has it. Neuron p is the point ``max|v_p|·(w_p, b_p)``. On all dimensions the score
is vacuous: where the rows are independent, as in most layers, all neurons score the same. So the
points are their ``rank`` principal coordinates.
"""

from __future__ import annotations

from functools import partial

from baselines.coresets.peeling import Peeling, principal
from baselines.coresets.points import weighted_rows
from baselines.sampling import Sampled, Sampler
from tropnnc.errors import TropnncError, check_flag, check_whole
from tropnnc.unit import Array, Unit

_LARGEST = 8


def coreset_ellipsoid(
    rank: int = 4, outermost: bool = True, sampler: Sampler = "with_replacement"
) -> Sampled:
    """A sample by the round in which a neuron is peeled off.

    Args:
        rank: principal coordinates that the points have, at most 8.
        outermost: see :class:`baselines.coresets.peeling.Peeling`.
        sampler: see :class:`baselines.sampling.Sampled`.

    Raises:
        TropnncError: an option out of range.
    """
    check_whole("rank", rank)
    check_flag("outermost", outermost)
    if not 1 <= rank <= _LARGEST:
        raise TropnncError(f"rank = {rank} is out of range; accepted are 1 to {_LARGEST}")
    return Sampled(partial(sensitivity, rank=rank, peeling=Peeling(outermost)), sampler)


def sensitivity(unit: Unit, rank: int, peeling: Peeling) -> Array:
    """One over the round ``[n]``."""
    return peeling.sensitivities(principal(weighted_rows(unit), rank))
