"""One threshold on the merge heights of all units."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from tropnnc.allocation.budget import Budget, check_budget, spent
from tropnnc.allocation.uniform import uniform_widths
from tropnnc.graph.structure import Site
from tropnnc.unit import Array, Unit


@dataclass(frozen=True)
class Heights:
    """Merge heights of every unit, ascending, ``[n−1]``, by the name of its producer."""

    sites: tuple[Site, ...]
    of: Mapping[str, Array]


@dataclass(frozen=True)
class GlobalCut:
    """Cut the dendrograms of all units at one height; a unit keeps a neuron per cluster.

    The height is the lowest at which the network costs no more than the one whose units all keep
    the same share. Merges of equal height are made together, so that equal units stay equal and
    the answer does not depend on their order. A unit's last neuron always stays.

    Attributes:
        heights: merge heights of a unit, ascending, ``[n−1]``, comparable between units.
        budget: what is compared: hidden neurons, or parameters or multiply-adds of the network.
    """

    heights: Callable[[Unit], Array]
    budget: Budget = "neurons"

    version = 1

    def __post_init__(self) -> None:
        check_budget(self.budget)

    def prepare(self, sites: Sequence[Site], read: Callable[[Site], Unit]) -> Heights:
        """One linkage per unit."""
        progress = tqdm(sites, desc="linkages", unit="unit", delay=2, leave=False, disable=None)
        return Heights(tuple(sites), {site.producer: self.heights(read(site)) for site in progress})

    def widths(self, state: Heights, ratio: float) -> Mapping[str, int]:
        """Bisection over the heights that occur: a higher cut never costs more."""
        allowed = spent(state.sites, uniform_widths(state.sites, ratio), self.budget)
        thresholds = np.unique(np.concatenate([[-np.inf], *state.of.values()])).tolist()

        def is_affordable(threshold: float) -> bool:
            return spent(state.sites, clusters_at(state, threshold), self.budget) <= allowed

        lowest = bisect_left(thresholds, True, key=is_affordable)
        return clusters_at(state, thresholds[lowest])


def clusters_at(state: Heights, threshold: float) -> dict[str, int]:
    """Number of clusters of every unit once all merges up to ``threshold`` are made."""
    return {
        name: len(heights) + 1 - int(np.searchsorted(heights, threshold, side="right"))
        for name, heights in state.of.items()
    }
