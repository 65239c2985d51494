"""The same keep ratio everywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tropnnc.errors import TropnncError
from tropnnc.graph.structure import Site
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


def uniform_widths(sites: Sequence[Site], ratio: float) -> dict[str, int]:
    """Width of every unit where all keep the same share of their neurons."""
    return {site.producer: kept_neurons(site.neurons, ratio) for site in sites}


@dataclass(frozen=True)
class Uniform:
    """Every unit keeps the same share of its neurons."""

    version = 1

    def prepare(self, sites: Sequence[Site], read: Callable[[Site], Unit]) -> Sequence[Site]:
        """Nothing to prepare: no weight is read."""
        return sites

    def widths(self, state: Sequence[Site], ratio: float) -> Mapping[str, int]:
        """:func:`uniform_widths`."""
        return uniform_widths(state, ratio)
