"""Zonotope reduction of a unit with one output: cluster the generators of either sign.

Theory.md, section 2. With one output ``v = p − q``, and p, q are the support functions of two
zonotopes; each is replaced by one with fewer generators, whose outgoing weights are +1 and −1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tropnnc.clustering import kmeans, membership, project
from tropnnc.errors import TropnncError, UnsupportedUnit, check_at_least_one, check_choice
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width
from tropnnc.rescaling import check_rescalable
from tropnnc.unit import Array, IntArray, Tier, Unit

Representative = Literal["mean", "sum"]
Split = Literal["proportional", "half"]


@dataclass(frozen=True)
class Prepared:
    """A unit with its generators ``g_i = |c_i| w_i``.

    Attributes:
        unit: the unit as read.
        column: outgoing weights ``c [n]``.
        sides: the neurons of the positive zonotope and those of the negative one.
        points: clustering features of both sides, the projected generators.
        seed: of the K-means starts.
    """

    unit: Unit
    column: Array
    sides: tuple[IntArray, IntArray]
    points: tuple[Array, Array]
    seed: int


@dataclass(frozen=True)
class SingleOutput:
    """Replace each cluster of generators by one.

    Neurons with ``c_i = 0`` belong to neither zonotope and are dropped; only where the others are
    fewer than the asked width, some of them fill it up, as silent as before. Rescaling a neuron
    leaves its generator as it is, so there is nothing to balance.

    Attributes:
        representative: the ``mean`` of a cluster's generators, or their ``sum``.
        split: see :func:`side_widths`.
        n_init: K-means++ starts on each side, the best is kept.
    """

    representative: Representative
    split: Split = "proportional"
    n_init: int = 10

    needs = Tier.WEIGHTS
    order: Order = "sequential"
    version = 1

    def __post_init__(self) -> None:
        check_choice("representative", self.representative, ("mean", "sum"))
        check_choice("split", self.split, ("proportional", "half"))
        check_at_least_one("n_init", self.n_init)

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Split the generators by sign and project them.

        Raises:
            UnsupportedUnit: a neuron has several outgoing weights, or cannot be rescaled.
        """
        column = _only_column(unit)
        check_rescalable(unit, "zonotope reduction")
        generators = np.abs(column)[:, None] * unit.incoming
        positive, negative = np.flatnonzero(column > 0), np.flatnonzero(column < 0)
        points = project(generators[positive]), project(generators[negative])
        return Prepared(unit, column, (positive, negative), points, int(rng.integers(2**31)))

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Cluster both sides into ``k`` altogether and merge.

        Raises:
            TropnncError: ``k = 1`` where both signs occur, besides a width out of range.
        """
        check_width(state.unit, k)
        positive, negative = map(len, state.sides)
        if k == 1 and positive and negative:
            raise TropnncError(
                f"{state.unit.name}: k = 1 is too few for outgoing weights of both signs,"
                f" accepted are 2 to {state.unit.neurons}"
            )
        widths = side_widths(k, positive, negative, self.split)
        clusters = np.full(state.unit.neurons, -1, dtype=np.int64)
        first = 0
        for side, points, width in zip(state.sides, state.points, widths, strict=True):
            if width:
                clusters[side] = first + kmeans(points, width, state.seed + k, self.n_init)
                first += width
        silent = np.flatnonzero(state.column == 0)[: k - first]
        clusters[silent] = np.arange(first, k)
        return self.merge(state, clusters)

    def merge(self, state: Prepared, clusters: IntArray) -> Reduction:
        """Merge given clusters ``[n]``: of one sign each, numbered without gaps, −1: dropped.

        ``T_ik = 1/Σ_{j∈k} |c_j|`` makes ``C·T`` +1 or −1, the generators' own outgoing weights; a
        cluster's row is ``Σ |c_j| w_j``, or that divided by the number of members.
        """
        members = membership(clusters)
        strength = np.where(state.column == 0, 1.0, np.abs(state.column))
        combination = members * strength
        mix = (members / combination.sum(axis=1, keepdims=True)).T
        if self.representative == "mean":
            combination /= members.sum(axis=1, keepdims=True)
        return Reduction(
            incoming=combination @ state.unit.incoming,
            mix=mix,
            combination=combination,
            clusters=clusters,
        )


def side_widths(k: int, positive: int, negative: int, split: Split) -> tuple[int, int]:
    """How many clusters ``(K₊, K₋)`` the positive and the negative side get.

    ``proportional``: ``K₊ = K·n₊/(n₊+n₋)``, half rounded up. ``half``: half each, the odd one to
    the larger side (the positive one of equals). Where both signs occur, each side gets at least
    one; no side more than it has members, the other one takes the rest.

    Args:
        k: clusters asked for, at least 2 where both signs occur.
        positive: members ``n₊``.
        negative: members ``n₋``.
        split: ``proportional`` or ``half``.
    """
    both = positive + negative
    k = min(k, both)
    if not positive or not negative:
        return min(k, positive), min(k, negative)
    if split == "half":
        wanted = k - k // 2 if positive >= negative else k // 2
    else:
        wanted = (2 * k * positive + both) // (2 * both)
    wanted = min(max(wanted, 1, k - negative), k - 1, positive)
    return wanted, k - wanted


def _only_column(unit: Unit) -> Array:
    """``c [n]``."""
    weights = unit.outgoing.shape[1]
    if weights != 1:
        raise UnsupportedUnit(
            f"{unit.name}: {weights} outgoing weights per neuron (outputs × taps);"
            " a single-output method accepts 1"
        )
    return unit.outgoing[:, 0]


def tropnnc_single(split: Split = "proportional", n_init: int = 10) -> SingleOutput:
    """TropNNC, single output: a cluster of generators becomes its **sum**."""
    return SingleOutput("sum", split, n_init)
