"""PWS: randomised rounding to quantiles (relatives.md A1, step 2; "PQ" in 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines.sharing.scheme import Shared, check_shareable, in_use
from tropnnc.unit import Array


@dataclass(frozen=True)
class Pws:
    """``w`` goes to either neighbouring quantile, such that its expectation is ``w``.

    The shared values are the quantiles ``i/(k − 1)``. On all weights of a pruned layer most of
    them are 0, which is why zeros are kept out.
    """

    version = 1

    def share(self, values: Array, k: int, rng: np.random.Generator) -> Shared:
        """As :class:`baselines.sharing.scheme.Scheme`, for ``k`` of 2 and more."""
        check_shareable(values, k, least=2)
        edges = np.unique(np.quantile(values, np.linspace(0, 1, k)))
        if len(edges) == 1:
            return Shared(edges, np.zeros(len(values), dtype=np.int64))
        below = np.searchsorted(edges, values, "right") - 1
        below = below.clip(0, len(edges) - 2)
        chance = (values - edges[below]) / (edges[below + 1] - edges[below])
        return in_use(edges, below + (rng.random(len(values)) < chance))
