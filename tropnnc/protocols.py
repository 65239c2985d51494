"""The two protocols that a method or a width rule implements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from tropnnc.graph.structure import Site
from tropnnc.reduction import Reduction
from tropnnc.unit import Tier, Unit

Order = Literal["original", "sequential"]
ORDERS: tuple[Order, ...] = ("original", "sequential")


@runtime_checkable
class Reducer(Protocol):
    """A compression method, seen from one unit.

    Its three attributes are read only, so that a class or a frozen value may carry them.
    """

    @property
    def needs(self) -> Tier:
        """The highest tier of information it reads; it is handed nothing above."""
        ...

    @property
    def order(self) -> Order:
        """The default order of units.

        ``original`` reads each from the dense network, ``sequential`` from the network as
        compressed so far.
        """
        ...

    @property
    def version(self) -> int:
        """Bumped by hand whenever results change."""
        ...

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Any:
        """Do what does not depend on the width; the state serves every ratio."""
        ...

    def reduce(self, state: Any, k: int) -> Reduction:
        """Rewrite the unit with ``k`` neurons; the same state and ``k`` give the same answer."""
        ...


@runtime_checkable
class Allocator(Protocol):
    """A rule that gives every unit its width."""

    version: int

    def prepare(self, sites: Sequence[Site], read: Callable[[Site], Unit]) -> Any:
        """Do what does not depend on the ratio; ``read`` gives the dense unit at a site."""
        ...

    def widths(self, state: Any, ratio: float) -> Mapping[str, int]:
        """Width ``1 ≤ k ≤ n`` of every unit at the keep ratio ``0 < ratio ≤ 1``."""
        ...
