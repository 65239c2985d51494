"""Listen to a method: what it answered for which unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import nn

from tropnnc.imagination import Recipe
from tropnnc.protocols import Networks, Order, Reducer, WholeNetwork, fits_units, recipe_of
from tropnnc.reduction import Reduction
from tropnnc.unit import Tier, Unit


@dataclass(frozen=True)
class Recording:
    """A method that answers as ``method`` does, and keeps every answer.

    Attributes:
        method: the one to be listened to.
        answers: reductions by the name of their unit, in the order of the calls.
    """

    method: Reducer
    answers: dict[str, Reduction] = field(default_factory=dict)

    @property
    def needs(self) -> Tier:
        """The method's."""
        return self.method.needs

    @property
    def order(self) -> Order:
        """The method's."""
        return self.method.order

    @property
    def version(self) -> int:
        """The method's."""
        return self.method.version

    @property
    def fits(self) -> bool:
        """The method's."""
        return fits_units(self.method)

    def recipe(self, model: nn.Module) -> Recipe | None:
        """The method's."""
        return recipe_of(self.method, model)

    def finish(self, networks: Networks) -> None:
        """What the method does."""
        if isinstance(self.method, WholeNetwork):
            self.method.finish(networks)

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Any:
        """The method's state, and the unit's name."""
        return unit.name, self.method.prepare(unit, rng)

    def reduce(self, state: Any, k: int) -> Reduction:
        """The method's answer, kept."""
        name, own = state
        self.answers[name] = self.method.reduce(own, k)
        return self.answers[name]
