"""The parts that a composed method is made of (design.md, "Methods are compositions")."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from torch import nn

from tropnnc.composition.moments import Moments
from tropnnc.imagination.recipe import Recipe
from tropnnc.protocols import Networks
from tropnnc.reduction import Reduction
from tropnnc.unit import Tier, Unit


class Part(Protocol):
    """What every part declares."""

    @property
    def needs(self) -> Tier:
        """The lowest tier at which it works."""
        ...

    @property
    def version(self) -> int:
        """Bumped by hand whenever its results change."""
        ...


class Source(Part, Protocol):
    """Where the moments of the activations come from."""

    def recipe(self, model: nn.Module) -> Recipe | None:
        """Of its images, where they are made from the weights of the dense ``model``."""
        ...

    def moments(self, unit: Unit) -> Moments:
        """At the inputs of the unit's consumers, of all its neurons."""
        ...


class FrontEnd(Part, Protocol):
    """A selector or a merger: which rows remain."""

    def prepare(self, unit: Unit, moments: Moments, rng: np.random.Generator) -> Any:
        """Do what does not depend on the width."""
        ...

    def reduce(self, state: Any, k: int) -> Reduction:
        """``k`` rows, kept or combined, with the mixing matrix that nothing compensates."""
        ...


class Compensation(Part, Protocol):
    """Other outgoing weights for given rows."""

    @property
    def fits(self) -> bool:
        """Whether it fits every unit, see :class:`tropnnc.protocols.WholeNetwork`."""
        ...

    def fit(self, unit: Unit, moments: Moments, reduction: Reduction) -> Reduction:
        """``reduction`` with the outgoing weights replaced."""
        ...


class Repair(Part, Protocol):
    """Statistics of the consumers' outputs, put right."""

    def fit(self, unit: Unit, moments: Moments, reduction: Reduction) -> Reduction:
        """``reduction`` with scales and offsets of the consumers' outputs."""
        ...

    def finish(self, networks: Networks) -> None:
        """Go over the network once all units are written."""
        ...
