"""A method put together from parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from tropnnc.composition.moments import Moments
from tropnnc.composition.parts import Compensation, FrontEnd, Repair, Source
from tropnnc.composition.taps import Taps
from tropnnc.imagination.recipe import Recipe
from tropnnc.protocols import Networks, Order
from tropnnc.reduction import Reduction, check_width, select
from tropnnc.unit import Tier, Unit


@dataclass(frozen=True)
class Prepared:
    """A unit, the moments of its activations, and the front end's state."""

    unit: Unit
    moments: Moments
    state: Any


@dataclass(frozen=True)
class Composed:
    """Rows by a front end, outgoing weights by a compensation, statistics by a repair.

    Attributes:
        front_end: selects or merges.
        source: of the moments that all other parts see.
        compensation: of the outgoing weights.
        repair: of the consumers' outputs.
        order: of units.
    """

    front_end: FrontEnd
    source: Source
    compensation: Compensation
    repair: Repair
    order: Order = "sequential"

    @property
    def needs(self) -> Tier:
        """The highest tier of the parts."""
        return max(part.needs for part in self._parts)

    @property
    def version(self) -> int:
        """The sum of the parts' versions: bumping one bumps it."""
        return sum(part.version for part in self._parts)

    @property
    def fits(self) -> bool:
        """The compensation's."""
        return self.compensation.fits

    @property
    def passes(self) -> int:
        """The compensation's; what does not fit has nothing to repeat."""
        return self.compensation.passes if isinstance(self.compensation, Taps) else 1

    def recipe(self, model: nn.Module) -> Recipe | None:
        """The source's."""
        return self.source.recipe(model)

    @property
    def _parts(self) -> tuple[FrontEnd | Source | Compensation | Repair, ...]:
        return self.front_end, self.source, self.compensation, self.repair

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Moments, and what the front end makes of them."""
        moments = self.source.moments(unit)
        return Prepared(unit, moments, self.front_end.prepare(unit, moments, rng))

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Rows, then outgoing weights, then repair; at full width nothing is left to select."""
        unit, moments = state.unit, state.moments
        check_width(unit, k)
        if k == unit.neurons:
            rows = select(unit, np.arange(k))
        else:
            rows = self.front_end.reduce(state.state, k)
        fitted = self.compensation.fit(unit, moments, rows)
        return self.repair.fit(unit, moments, fitted)

    def again(self, unit: Unit) -> Reduction:
        """The compensation alone, on all neurons that are left."""
        assert isinstance(self.compensation, Taps)
        return self.compensation.again(unit, select(unit, np.arange(unit.neurons)))

    def finish(self, networks: Networks) -> None:
        """The repair's."""
        self.repair.finish(networks)
