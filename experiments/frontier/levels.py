"""Curves over numbers of images, levels without any, and how many images a level is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Curve = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Panel:
    """One network at one keep ratio.

    Attributes:
        network: as tables call it.
        ratio: share of neurons kept.
        dense: top-1 of the dense network in percent.
        curves: ``(images, top-1)`` by rising number of images, by method.
        levels: top-1 of methods that see none.
    """

    network: str
    ratio: float
    dense: float
    curves: Mapping[str, Curve]
    levels: Mapping[str, float]


def worth(curve: Curve, level: float) -> str:
    """The number of images with which ``curve`` first gets to ``level``.

    Between two points it is linear in log(1 + images). ``< 16`` and ``> 10,240`` where that is
    outside of what was measured; with 0 images where it begins above.
    """
    first, last = curve[0], curve[-1]
    if first[1] >= level:
        return "0" if first[0] == 0 else f"< {first[0]:,}"
    for (few, low), (many, high) in pairwise(curve):
        if high >= level:
            share = (level - low) / (high - low)
            return f"{math.expm1(_between(few, many, share)):,.0f}"
    return f"> {last[0]:,}"


def _between(few: int, many: int, share: float) -> float:
    return (1 - share) * math.log1p(few) + share * math.log1p(many)
