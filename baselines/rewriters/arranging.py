"""Which modes a layer's weight has in the split and in the merged order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from baselines.rewriters import modes
from baselines.rewriters.modes import Arrangement
from tropnnc.errors import TropnncError, check_choice

Order = Literal["split", "merged"]


@dataclass(frozen=True)
class Arranging:
    """How weights are taken apart.

    Attributes:
        order: ``split``, outputs and inputs apart; or ``merged``, (m₁n₁, …, m_d n_d) of a matrix
            and (kh·kw, c₁o₁, …, c_{d−1} o_{d−1}) of a kernel.
        parts: factors of each side of a split matrix, or d of the merged order.
        shapes: factors of numbers that are not to be balanced, by their product.
    """

    order: Order
    parts: int
    shapes: Mapping[int, Sequence[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_choice("order", self.order, ("split", "merged"))
        if self.parts < 2:
            raise TropnncError(f"parts = {self.parts} is out of range, accepted are 2 and more")
        modes.check_shapes(self.shapes)

    def outputs_first(self, shape: Sequence[int]) -> Arrangement:
        """Split: (o₁, …, o_p, i₁, …, i_p), and of a kernel (C, kh, kw, O)."""
        if self.order == "merged":
            return self._merged(shape)
        if len(shape) == 4:
            return modes.chain(shape)
        return modes.split(*self._factors(shape, self.parts))

    def inputs_first(self, shape: Sequence[int]) -> Arrangement:
        """Split: (i₁, …, i_p, o₁, …, o_p), and of a kernel (C, kh·kw, O)."""
        if self.order == "merged":
            return self._merged(shape)
        if len(shape) == 4:
            return modes.short_chain(shape)
        split = self.outputs_first(shape)
        order = (*split.order[self.parts :], *split.order[: self.parts])
        return Arrangement(split.shape, split.fine, order, split.groups)

    def _merged(self, shape: Sequence[int]) -> Arrangement:
        if len(shape) == 4:
            return modes.tensorised(shape, *self._factors(shape, self.parts - 1))
        return modes.merged(*self._factors(shape, self.parts))

    def _factors(self, shape: Sequence[int], parts: int) -> tuple[tuple[int, ...], ...]:
        """Of the outputs, and of the inputs."""
        found = [tuple(self.shapes.get(n, ())) or modes.factors(n, parts) for n in shape[:2]]
        if any(len(factors) != parts for factors in found):
            raise TropnncError(f"shapes of other than {parts} factors do not go with {self.order}")
        return tuple(found)
