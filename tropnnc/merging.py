"""TropNNC for units with many outputs: cluster the neurons, merge each cluster into one.

Fotopoulos, Maragos and Misiakos, arXiv 2409.03945; theory.md, sections 3 and 6. The paper's full
text was not at hand: each choice that it might make differently is an option.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tropnnc.clustering import Gram, comparable, kmeans, membership, project
from tropnnc.errors import check_at_least_one, check_choice
from tropnnc.products import combine, row_products
from tropnnc.protocols import Order
from tropnnc.rank_one import rank_one_weights
from tropnnc.reduction import Reduction, check_width
from tropnnc.rescaling import check_rescalable
from tropnnc.unit import Array, IntArray, Tier, Unit

Features = Literal["incoming", "path", "direction"]
Incoming = Literal["mean", "rank1"]
Outgoing = Literal["mean", "sum", "projection", "least_squares"]
Balance = Literal["none", "equalised"]

_RESCALING = ("rank1", "projection", "least_squares", "equalised")


@dataclass(frozen=True)
class Prepared:
    """A unit in balanced coordinates with its projected features.

    Attributes:
        unit: the unit as read.
        scale: positive factor ``[n]`` on each neuron's incoming weights (and its inverse on the
            outgoing ones), which leaves the function as it is; ``None``: one.
        incoming: ``[n, d+1]``, balanced.
        outgoing: ``[n, ·]``, balanced; only its inner products matter.
        points: clustering features.
        seed: of the K-means starts.
    """

    unit: Unit
    scale: Array | None
    incoming: Array
    outgoing: Array
    points: Array | Gram
    seed: int


@dataclass(frozen=True)
class Merging:
    """Merge clusters of neurons.

    Attributes:
        features: what K-means sees of neuron i: ``incoming`` w_i, ``path`` (w_i, C_:i), or
            ``direction`` w_i/‖w_i‖; where depthwise rows D_i lie behind it, (w_i, D_i) for w_i.
        incoming: a cluster's row: the ``mean`` of its w_i, or ``rank1``, the right singular vector
            of ``Σ C_:i w_iᵀ``.
        outgoing: a cluster's column: ``mean`` or ``sum`` of its C_:i; ``projection``, ``Σ t_i
            C_:i`` with ``t_i = w_i·w̃/‖w̃‖²``; ``least_squares``, every neuron written as the
            combination of all rows that is nearest in weight space.
        balance: ``equalised`` rescales each neuron to ``‖w_i‖ = ‖C_:i‖`` before all else.
        n_init: K-means++ starts, the best is kept.
    """

    features: Features = "path"
    incoming: Incoming = "mean"
    outgoing: Outgoing = "sum"
    balance: Balance = "none"
    n_init: int = 10

    needs = Tier.WEIGHTS
    order: Order = "sequential"
    version = 1

    def __post_init__(self) -> None:
        check_choice("features", self.features, ("incoming", "path", "direction"))
        check_choice("incoming", self.incoming, ("mean", "rank1"))
        accepted = ("mean", "sum", "projection", "least_squares")
        check_choice("outgoing", self.outgoing, accepted)
        check_choice("balance", self.balance, ("none", "equalised"))
        check_at_least_one("n_init", self.n_init)

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Balance the unit and project its features.

        Raises:
            UnsupportedUnit: the options rescale neurons, the unit does not allow it.
        """
        for option in self._rescaling():
            check_rescalable(unit, option)
        scale, incoming, outgoing = None, unit.incoming, unit.outgoing
        if self.balance == "equalised":
            scale = equalising_scale(unit)
            incoming, outgoing = incoming * scale[:, None], outgoing / scale[:, None]
        own = unit.own_rows if unit.depthwise else incoming
        points = comparable(*self._features(own, outgoing))
        if self.incoming == "rank1":
            outgoing = project(outgoing)
        return Prepared(unit, scale, incoming, outgoing, points, int(rng.integers(2**31)))

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Cluster into ``k`` and merge."""
        check_width(state.unit, k)
        return self.merge(state, kmeans(state.points, k, state.seed + k, self.n_init))

    def merge(self, state: Prepared, labels: IntArray) -> Reduction:
        """Merge given clusters ``labels [n]``, numbered from 0 without gaps."""
        combination = self._combination(state, labels)
        rows = combine(combination, state.incoming)
        mix = self._mix(state.incoming, rows, labels)
        if state.scale is not None:
            combination = combination * state.scale
            rows = combine(combination, state.unit.incoming)
            mix = mix / state.scale[:, None]
        return Reduction(incoming=rows, mix=mix, combination=combination, clusters=labels)

    def _rescaling(self) -> list[str]:
        """The options that rest on positive homogeneity (:mod:`tropnnc.rescaling`)."""
        chosen = {"incoming": self.incoming, "outgoing": self.outgoing, "balance": self.balance}
        return [f"{name}={value}" for name, value in chosen.items() if value in _RESCALING]

    def _features(self, incoming: Array, outgoing: Array) -> tuple[Array, ...]:
        """Blocks of columns, each ``[n, ·]``."""
        if self.features == "path":
            return incoming, outgoing
        if self.features == "incoming":
            return (incoming,)
        norms = np.linalg.norm(incoming, axis=1, keepdims=True)
        return (np.divide(incoming, norms, out=np.zeros_like(incoming), where=norms > 0),)

    def _combination(self, state: Prepared, labels: IntArray) -> Array:
        """``A [k, n]`` with ``W̃ = A·W``."""
        members = membership(labels)
        if self.incoming == "mean":
            return members / members.sum(axis=1, keepdims=True)
        for cluster in members:
            inside = np.flatnonzero(cluster)
            cluster[inside] = rank_one_weights(state.incoming[inside], state.outgoing[inside])
        return members

    def _mix(self, incoming: Array, rows: Array, labels: IntArray) -> Array:
        """``T [n, k]``."""
        members = membership(labels).T
        if self.outgoing == "sum":
            return members
        if self.outgoing == "mean":
            return members / members.sum(axis=0)
        if self.outgoing == "least_squares":
            return np.asarray(np.linalg.lstsq(rows.T, incoming.T)[0].T, dtype=np.float64)
        energy = row_products(rows, rows, np.arange(len(rows)))[labels]
        # A zero row is silent whatever its coefficient: leave the sum.
        alike = np.divide(
            row_products(incoming, rows, labels),
            energy,
            out=np.ones(len(labels)),
            where=energy > 0,
        )
        return members * alike[:, None]


def equalising_scale(unit: Unit) -> Array:
    """Factor ``√(‖C_:i‖/‖w_i‖) [n]`` that makes both norms equal; 1 where one of them is zero."""
    ingoing = np.linalg.norm(unit.incoming, axis=1)
    outgoing = np.linalg.norm(unit.outgoing, axis=1)
    usable = (ingoing > 0) & (outgoing > 0)
    ratio = np.divide(outgoing, ingoing, out=np.ones(unit.neurons), where=usable)
    return np.sqrt(ratio)


def tropnnc(
    features: Features = "path",
    incoming: Incoming = "mean",
    outgoing: Outgoing = "sum",
    balance: Balance = "none",
    n_init: int = 10,
) -> Merging:
    """TropNNC, multi-output: the mean of the incoming weights, the **sum** of the outgoing ones."""
    return Merging(features, incoming, outgoing, balance, n_init)


def tropnnc_iterative(
    features: Features = "path", balance: Balance = "none", n_init: int = 10
) -> Merging:
    """TropNNC, iterative: row and column of a cluster by alternating least squares.

    The alternation's only stable fixed point, the leading singular pair of ``Σ C_:i w_iᵀ``, is
    computed directly (:mod:`tropnnc.rank_one`).
    """
    return Merging(features, "rank1", "projection", balance, n_init)
