"""A hidden layer as tropical polynomials, and their Newton polytopes (theory.md, section 1).

Output j of a unit is ``v_j = p_j − q_j``: the neurons with positive outgoing weight make up the
tropical polynomial p_j, those with negative weight q_j. Both are support functions of zonotopes.
"""

from __future__ import annotations

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.geometry.zonotope import Zonotope
from tropnnc.unit import Array


def positive_negative(incoming: Array, outgoing_row: Array) -> tuple[Zonotope, Zonotope]:
    """The extended Newton polytopes ``(P_j, Q_j)`` of one output.

    Args:
        incoming: ``w_i = (a_i, b_i)``, ``[n, d+1]``.
        outgoing_row: ``C_ji``, ``[n]``: one row of the consumer, at one tap.

    Returns:
        zonotopes in d+1 dimensions with the generators ``|C_ji| w_i`` of either sign; neurons with
        ``C_ji = 0`` are in neither.

    Raises:
        TropnncError: if the shapes do not agree.
    """
    if incoming.ndim != 2 or outgoing_row.shape != incoming.shape[:1]:
        raise TropnncError(
            f"incoming {incoming.shape} and outgoing row {outgoing_row.shape}; accepted are "
            "[n, d+1] and [n]"
        )
    generators = outgoing_row[:, None] * incoming
    return Zonotope(generators[outgoing_row > 0]), Zonotope(-generators[outgoing_row < 0])


def tropical_polynomial(newton_polytope: Zonotope, inputs: Array) -> Array:
    """``p(x) = h_P((x, 1))``: inputs ``[b, d]`` to values ``[b]``."""
    return newton_polytope.support(np.concatenate([inputs, np.ones((len(inputs), 1))], axis=1))
