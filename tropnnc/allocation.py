"""How wide each unit becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tropnnc.errors import TropnncError, check_choice
from tropnnc.graph.structure import Site
from tropnnc.methods import call_factory
from tropnnc.protocols import Allocator
from tropnnc.unit import Unit


def check_ratio(ratio: float) -> float:
    """``ratio`` as a float in (0, 1]; otherwise :class:`TropnncError`."""
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio <= 1:
        raise TropnncError(f"ratio {ratio!r} is out of range, accepted are 0 < ratio <= 1")
    return float(ratio)


def kept_neurons(neurons: int, ratio: float) -> int:
    """``max(1, ⌊ratio·n + 1/2⌋)``: half rounds up."""
    # 0.7·n can fall a few ulp short of a half that it is in decimals.
    return max(1, math.floor(round(ratio * neurons, 9) + 0.5))


@dataclass(frozen=True)
class Uniform:
    """Every unit keeps the same share of its neurons."""

    version = 1

    def prepare(self, sites: Sequence[Site], read: Callable[[Site], Unit]) -> Sequence[Site]:
        """Nothing to prepare: no weight is read."""
        return sites

    def widths(self, state: Sequence[Site], ratio: float) -> Mapping[str, int]:
        """``max(1, ⌊ratio·n + 1/2⌋)`` per unit."""
        return {site.producer: kept_neurons(site.neurons, ratio) for site in state}


_ALLOCATORS = {"uniform": Uniform}


def make_allocator(name: str, **options: Any) -> Allocator:
    """The allocator ``name`` with ``options``.

    Raises:
        TropnncError: unknown name or option, with those that are accepted.
    """
    check_choice("allocator", name, tuple(_ALLOCATORS))
    return call_factory(f"allocator {name}", _ALLOCATORS[name], options)
