"""What a rewriter is: one layer and a budget in, a module of the same call signature out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from torch import nn

from tropnnc.errors import TropnncError

Layer = nn.Linear | nn.Conv2d
WORD = 32  # bits of a stored float


@dataclass(frozen=True)
class Parameters:
    """At most ``count`` words of 32 bits in place of a layer's weight; biases are apart."""

    count: int


@dataclass(frozen=True)
class Pattern:
    """At most ``kept`` nonzeros in every group of ``group`` consecutive weights (N:M)."""

    kept: int
    group: int


@dataclass(frozen=True)
class Bits:
    """``width`` bits per weight."""

    width: int


Budget = Parameters | Pattern | Bits


class UnsupportedLayer(TropnncError):
    """A rewriter has no form of this layer at this budget: one line with the reason."""


@dataclass(frozen=True, eq=False)
class Rewritten:
    """What takes a layer's place.

    Attributes:
        module: called like the layer; its state is what is stored, so that a codec of
            ``tropnnc.storage`` finds factors, codes and positions as tensors of their own.
        bits: stored in place of the weight before any entropy coding; the bias is apart.
        facts: ranks, shares and the like, as plain JSON values.
    """

    module: nn.Module
    bits: int
    facts: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Rewriter(Protocol):
    """A storage format for the weight of one layer.

    Attributes:
        version: bumped by hand whenever results change.
    """

    @property
    def version(self) -> int:
        """Bumped by hand whenever results change."""
        ...

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """The layer within ``budget``; ``layer`` itself is not modified.

        Raises:
            UnsupportedLayer: there is no such form of it, or none within the budget.
        """
        ...


@runtime_checkable
class Learner(Protocol):
    """A module in training: floats whose forward pass goes through the stored form."""

    def settled(self) -> nn.Module:
        """The stored form of what was learnt."""
        ...


@runtime_checkable
class Learnable(Protocol):
    """A stored form with another shape in training; the parameters of others train as they are."""

    def learner(self) -> nn.Module:
        """A module to train in its place, a :class:`Learner`."""
        ...
