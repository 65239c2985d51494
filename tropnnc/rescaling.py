"""Which units allow a neuron to be rescaled, and why others do not.

ReLU is positively homogeneous, ``relu(s·z) = s·relu(z)`` for ``s ≥ 0``: a factor on a neuron's row
is made up for by its inverse on the column. Directions ((B6) of theory.md), projection
coefficients, singular pairs and the generators of zonotopes all rest on it. Two kinds of unit do
not have it:

- **ReLU6** is ``min(max(z, 0), 6)``: beyond the clip a factor on the row changes nothing, its
  inverse on the column everything. It is 1-Lipschitz, so selecting and averaging rows remains as
  sound as for ReLU, (B5) included.
- A **depthwise convolution** between the ReLU and the consumers has a bias of its own (and often an
  activation that clips), which no factor passes; and it is reduced by the combination of the rows,
  ``D̃ = A·D``, so that each factor would be applied twice. With rows of A that sum to one, ``D̃``
  is an average as ``W̃`` is.
"""

from __future__ import annotations

from tropnnc.errors import UnsupportedUnit
from tropnnc.unit import Unit


def check_rescalable(unit: Unit, what: str) -> None:
    """Raise :class:`UnsupportedUnit` unless ``unit`` allows its neurons to be rescaled.

    Args:
        unit: the unit.
        what: the method or option that rescales, for the message.
    """
    if unit.is_homogeneous:
        return
    if unit.depthwise:
        reason = f"of the depthwise convolution {unit.depthwise[0].name} behind it"
    else:
        reason = f"its ReLU is clipped at {unit.cap:g}"
    raise UnsupportedUnit(
        f"{unit.name}: {what} rescales neurons, which is not possible because {reason};"
        " accepted are methods that select or average them"
    )
