"""The protocols that a method or a width rule implements."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from torch import Tensor, nn

from tropnnc.graph.structure import Site
from tropnnc.imagination.recipe import Recipe
from tropnnc.lineage import Lineage
from tropnnc.reduction import Reduction
from tropnnc.unit import Calibration, Tier, Unit

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
class SequentialCalibration(Calibration, Protocol):
    """What a unit is shown in ``sequential`` order where units are fitted.

    It streams ``addition_loss`` too: where a consumer's output reaches an addition linearly,
    directly or through its batch norm alone, the loss is ``(s − s̃)·σ/γ``, s and s̃ the addition's
    other addend in the dense network and as compressed so far (theory.md 5.2, 3c), which is what
    the output has to make up for. Without batch norm the factor is 1; where ``|γ/σ| < 1e-3``, and
    where there is no such addition, the loss is zero (a tensor that broadcasts).
    """

    def rewritten(self, unit: Unit, reduction: Reduction) -> Calibration:
        """The same, had the current network the ``unit`` as ``reduction`` rewrites it."""
        ...


@runtime_checkable
class WholeNetwork(Protocol):
    """What a :class:`Reducer` may declare beside: it does more than answer for narrowed units."""

    def recipe(self, model: nn.Module) -> Recipe | None:
        """How images are made from the weights of the dense ``model``; ``None``: it needs none."""
        ...

    @property
    def fits(self) -> bool:
        """Whether every unit in scope is its business, those that keep all neurons included.

        Units are then shown a :class:`SequentialCalibration`, in ``sequential`` order only.
        """
        ...

    def finish(self, networks: Networks) -> None:
        """Go over the network once all units are written."""
        ...


@runtime_checkable
class Repeating(WholeNetwork, Protocol):
    """What fits units may go over them more than once."""

    @property
    def passes(self) -> int:
        """How often, 1 or more."""
        ...

    def again(self, unit: Unit) -> Reduction:
        """Fit a unit once more: all its neurons are left, its neighbours are fitted.

        What its calibration shows of dense outputs are those of the channels that are left.
        """
        ...


def recipe_of(reducer: Reducer, model: nn.Module) -> Recipe | None:
    """:meth:`WholeNetwork.recipe`; None where ``reducer`` declares nothing of the kind."""
    return reducer.recipe(model) if isinstance(reducer, WholeNetwork) else None


def fits_units(reducer: Reducer) -> bool:
    """:attr:`WholeNetwork.fits`; False where ``reducer`` declares nothing of the kind."""
    return isinstance(reducer, WholeNetwork) and reducer.fits


def passes_of(reducer: Reducer) -> int:
    """:attr:`Repeating.passes`; 1 where ``reducer`` declares nothing of the kind."""
    return reducer.passes if isinstance(reducer, Repeating) else 1


@dataclass(frozen=True, eq=False)
class Networks:
    """What a finishing pass is given.

    Attributes:
        dense: the network before compression; in evaluation mode where there are images.
        small: the compressed network, to be edited in place.
        images: that the method sees, on the networks' device; None where it sees none.
        fitted: batch norms whose statistics belong to a fit.
        lineages: what became of the channels of each batch norm that lost some; those of others
            are the dense network's. None: not known.
    """

    dense: nn.Module
    small: nn.Module
    images: Tensor | None
    fitted: frozenset[str]
    lineages: Mapping[str, Lineage | None]


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
