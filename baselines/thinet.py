"""ThiNet: keep the channels that rebuild sampled outputs of the next layer, then refit them.

Luo, Wu and Lin, "ThiNet: A Filter Level Pruning Method", ICCV 2017 (remove greedily), and its
journal version, TPAMI 2018 (keep greedily).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from baselines.thinet_greedy import keeping_path, removal_path
from baselines.thinet_sampling import contribution_gram
from tropnnc.activations import activation_sums
from tropnnc.errors import TropnncError, check_at_least_one, check_choice
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width, select
from tropnnc.unit import Array, IntArray, Tier, Unit

# The published code inverts a matrix that is singular where channels are dead.
_RIDGE = 1e-6

Rescale = Literal["scalar", "full"]


@dataclass(frozen=True)
class Prepared:
    """A unit, the Gram matrix of its contributions and its neurons in greedy order.

    Attributes:
        unit: the unit as read.
        gram: ``XᵀX [n, n]``.
        path: ``[n]``, the most wanted neuron first.
        activations: Gram matrix ``[n, n]`` of the activations, for the full least squares.
    """

    unit: Unit
    gram: Array
    path: IntArray
    activations: Array | None


@dataclass(frozen=True)
class ThiNet:
    """Greedy selection, then least squares on what is kept.

    Attributes:
        greedy: ``remove`` (ICCV 2017) or ``keep`` (TPAMI 2018).
        samples_per_image: (output channel, location) pairs drawn from each calibration image.
        rescale: ``scalar``, one factor per kept channel (as published), or ``full``, every
            channel from all that are kept.
    """

    greedy: Literal["remove", "keep"]
    samples_per_image: int
    rescale: Rescale = "scalar"

    needs = Tier.IMAGES
    order: Order = "sequential"
    version = 1

    def __post_init__(self) -> None:
        check_at_least_one("samples_per_image", self.samples_per_image)
        check_choice("rescale", self.rescale, get_args(Rescale))

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Sample the consumers' outputs and rank the neurons.

        Raises:
            TropnncError: the unit has no calibration images.
        """
        if unit.calibration is None:
            raise TropnncError(f"{unit.name}: ThiNet needs calibration images")
        gram = contribution_gram(unit, unit.calibration, self.samples_per_image, rng)
        path = removal_path(gram) if self.greedy == "remove" else keeping_path(gram)
        if self.rescale == "scalar":
            return Prepared(unit, gram, path, None)
        return Prepared(unit, gram, path, activation_sums(unit, unit.calibration, "current").gram)

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Keep the first ``k`` and refit them."""
        check_width(state.unit, k)
        kept = np.sort(state.path[:k])
        if state.activations is None:
            return select(state.unit, kept, rescaling(state.gram, kept))
        mix = reconstruction(state.activations, kept)
        return Reduction(incoming=state.unit.incoming[kept], mix=mix, kept=kept)


def rescaling(gram: Array, kept: IntArray) -> Array:
    """``argmin_w ‖X·1 − X_S w‖² + λ‖w − 1‖²``, ``[k]``; λ is 1e-6 of the mean diagonal of G_SS.

    The ridge pulls towards 1: a channel that no sample excites stays as it is.
    """
    inner = gram[np.ix_(kept, kept)]
    missing = gram[kept].sum(axis=1) - inner.sum(axis=1)
    ridge = _RIDGE * (np.mean(np.diag(inner)) or 1.0)
    return 1.0 + np.linalg.solve(inner + ridge * np.eye(len(kept)), missing)


def reconstruction(gram: Array, kept: IntArray) -> Array:
    """``argmin_T Σ ‖h − T·h_S‖² + λ‖T − I_S‖²``, ``[n, k]``, on the Gram matrix ``Σ h·hᵀ``.

    λ as in :func:`rescaling`; a kept channel stays exactly what it is.
    """
    inner = gram[np.ix_(kept, kept)]
    ridge = _RIDGE * (np.mean(np.diag(inner)) or 1.0)
    solved = np.linalg.solve(inner + ridge * np.eye(len(kept)), gram[kept])
    mix = np.array(solved.T, dtype=np.float64)
    mix[kept] = np.eye(len(kept))
    return mix


def thinet(samples_per_image: int = 10, rescale: Rescale = "scalar") -> ThiNet:
    """ThiNet as published at ICCV 2017: greedy removal."""
    return ThiNet("remove", samples_per_image, rescale)


def thinet_keep(samples_per_image: int = 10, rescale: Rescale = "scalar") -> ThiNet:
    """ThiNet as published in TPAMI 2018: greedy selection by orthogonal matching pursuit."""
    return ThiNet("keep", samples_per_image, rescale)
