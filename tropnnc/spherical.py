"""TropNNC with norm-weighted spherical K-means: cluster directions, project on what they share.

Theory.md, (B6). ReLU is positively homogeneous, so a neuron is a direction, and what replacing it
by another one costs is ``‖C_i‖‖w_i‖ sin θ``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.clustering import Gram, membership, one_thread, project
from tropnnc.errors import check_at_least_one
from tropnnc.products import MANY, combine, gram_of, row_norms, row_products
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width
from tropnnc.rescaling import check_rescalable
from tropnnc.spherical_kmeans import spherical_kmeans
from tropnnc.unit import Array, IntArray, Tier, Unit

_CANCELLED = 1e-12


@dataclass(frozen=True)
class Prepared:
    """A unit with the directions of its neurons.

    Attributes:
        unit: the unit as read.
        norms: ``‖w_i‖ [n]``, bias included.
        strengths: ``‖C_i‖ [n]``, summed over taps and consumers.
        directions: ``w_i/‖w_i‖`` (or zero), projected, ``[n, ≤ n]``; of many their cosines.
        seed: of the starts.
    """

    unit: Unit
    norms: Array
    strengths: Array
    directions: Array | Gram
    seed: int

    @property
    def weights(self) -> Array:
        """``ω_i = ‖C_i‖‖w_i‖ [n]``, which rescaling a neuron leaves as it is."""
        return self.strengths * self.norms


@dataclass(frozen=True)
class Spherical:
    """Merge clusters of directions.

    A cluster's row is the unit vector along ``Σ ω_i w_i/‖w_i‖ = Σ ‖C_i‖ w_i``, its column
    ``Σ t_i C_i`` with ``t_i = max(0, w_i·w̃)``. Rescaling a neuron changes neither, so there is
    nothing to balance.

    Attributes:
        n_init: starts of the clustering, the best is kept.
    """

    n_init: int = 10

    needs = Tier.WEIGHTS
    order: Order = "sequential"
    version = 1

    def __post_init__(self) -> None:
        check_at_least_one("n_init", self.n_init)

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Take norms and directions.

        Raises:
            UnsupportedUnit: the unit does not allow its neurons to be rescaled.
        """
        check_rescalable(unit, "spherical clustering")
        norms = row_norms(unit.incoming)
        directions = comparable_directions(unit.incoming, norms)
        return Prepared(unit, norms, unit.outgoing_norms, directions, int(rng.integers(2**31)))

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Cluster into ``k`` and merge."""
        check_width(state.unit, k)
        rng = np.random.default_rng((state.seed, k))
        return merge(state, spherical_kmeans(state.directions, state.weights, k, rng, self.n_init))


def comparable_directions(rows: Array, norms: Array) -> Array | Gram:
    """Directions of ``rows [n, ·]`` of lengths ``norms [n]``: coordinates, or of many cosines."""
    lengths = np.where(norms > 0, norms, 1.0)
    if len(rows) <= MANY:
        return project(rows / lengths[:, None])
    with one_thread():
        products = gram_of(rows)
    products /= lengths
    products /= lengths[:, None]
    return Gram(products)


def merge(state: Prepared, labels: IntArray) -> Reduction:
    """Merge given clusters ``labels [n]``, numbered from 0 without gaps."""
    incoming = state.unit.incoming
    combination = _combination(state, labels)
    rows = combine(combination, incoming)
    alike = np.maximum(row_products(incoming, rows, labels), 0)
    return Reduction(
        incoming=rows,
        mix=membership(labels).T * alike[:, None],
        combination=combination,
        clusters=labels,
    )


def _combination(state: Prepared, labels: IntArray) -> Array:
    """``A [k, n]`` with the unit rows ``W̃ = A·W``.

    Where the members cancel, or no consumer reads them, the heaviest of them stands for all.
    """
    members = membership(labels) * state.strengths
    lengths = row_norms(combine(members, state.unit.incoming))
    lost = lengths <= _CANCELLED * (members @ state.norms)
    for cluster in np.flatnonzero(lost):
        inside = np.flatnonzero(labels == cluster)
        heaviest = inside[np.lexsort((state.norms[inside], state.weights[inside]))[-1]]
        members[cluster] = np.arange(len(labels)) == heaviest
        lengths[cluster] = state.norms[heaviest] or 1.0
    return members / lengths[:, None]


def tropnnc_spherical(n_init: int = 10) -> Spherical:
    """Norm-weighted spherical K-means with projected outgoing weights."""
    return Spherical(n_init)
