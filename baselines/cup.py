"""CUP, Cluster Pruning (Duggal et al., 2019, arXiv 1911.08630): cluster filters, keep one of each.

``cup`` reduces units to given widths (the paper's manual mode); ``cup_widths`` is its global
threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.allocation.budget import Budget
from tropnnc.allocation.cut import GlobalCut
from tropnnc.products import row_norms
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, select
from tropnnc.unit import Array, Tier, Unit
from tropnnc.ward import Tree, cut, ward


@dataclass(frozen=True)
class Prepared:
    """A unit, the dendrogram of its features and their norms ``[n]``."""

    unit: Unit
    tree: Tree
    norms: Array


class Cup:
    """From every cluster keep the neuron of largest feature norm, delete the others.

    Nothing makes up for those deleted; the kept ones keep their batch norm. Of equal norms the
    lower index is kept.
    """

    needs = Tier.WEIGHTS
    order: Order = "original"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """One Ward linkage for every width."""
        features = cup_features(unit)
        return Prepared(unit, ward(features), row_norms(features))

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Cut the dendrogram into ``k`` clusters."""
        labels = cut(state.tree, k)
        ranked = np.argsort(-state.norms, kind="stable")
        # np.unique names the first of each cluster in this order, the one of largest norm.
        _, first = np.unique(labels[ranked], return_index=True)
        return select(state.unit, np.sort(ranked[first]), clusters=labels)


def cup_widths(budget: Budget = "neurons") -> GlobalCut:
    """CUP's one threshold on the Ward distances of all units, not normalised.

    Args:
        budget: ``neurons``, ``parameters`` or ``macs``; the threshold is the lowest that leaves no
            more of it than the network whose units all keep the same share.
    """
    return GlobalCut(cup_heights, budget)


def cup_heights(unit: Unit) -> Array:
    """Ward distances of the merges of CUP's features, ascending, ``[n−1]``."""
    return ward(cup_features(unit)).heights


def cup_features(unit: Unit) -> Array:
    """CUP's features, one row per neuron; raw weights, neither bias nor batch norm.

    Convolution: Frobenius norms of the filter's slice on every input channel, of the neuron's
    filter in each depthwise convolution behind it, and of every consumer's slice on it (for a
    linear consumer, of the block of positions). Linear: the weights themselves.
    """
    if unit.kind == "linear":
        return np.concatenate([unit.filters, unit.outgoing], axis=1)
    slices = unit.filters.reshape(unit.neurons, -1, unit.kernel)
    own = [np.linalg.norm(stage.filters, axis=1, keepdims=True) for stage in unit.depthwise]
    seen = [np.linalg.norm(c.outgoing, axis=2).T for c in unit.consumers]
    return np.concatenate([np.linalg.norm(slices, axis=2), *own, *seen], axis=1)
