"""Ward's hierarchical clustering of the rows of a feature matrix: one linkage, every cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.cluster.hierarchy import linkage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import pdist, squareform

from tropnnc.clustering import number_by_first_member, one_thread, project
from tropnnc.errors import TropnncError
from tropnnc.unit import Array, IntArray

# A squared distance read from the Gram matrix errs by some 1e-14 of the two rows' energies: from
# this share of them on, its relative error is below 1e-7.
_CANCELLED = 1e-7


@dataclass(frozen=True)
class Tree:
    """A linkage of ``n`` rows; merge i joins two clusters into the one numbered ``n + i``.

    Attributes:
        merges: numbers of the two clusters, ``[n−1, 2]``; those below ``n`` are single rows.
        heights: Ward distance of each merge, ascending, ``[n−1]``: ``√(2·ΔSSE)``, ΔSSE by how much
            the merge raises the sum of squared distances to the clusters' means.
    """

    merges: IntArray
    heights: Array

    @property
    def leaves(self) -> int:
        """``n``."""
        return len(self.heights) + 1


def ward(*features: Array) -> Tree:
    """Ward linkage of rows given in one or several blocks of columns, each ``[n, ·]``."""
    if len(features[0]) == 1:
        return Tree(np.zeros((0, 2), dtype=np.int64), np.zeros(0))
    steps = linkage(distances(*features), method="ward")
    return Tree(steps[:, :2].astype(np.int64), steps[:, 2])


def cut(tree: Tree, k: int) -> IntArray:
    """Labels ``[n]`` of the ``k`` clusters that are left after the first ``n − k`` merges.

    Clusters are numbered by their first member.

    Raises:
        TropnncError: ``k`` is not in 1 … n.
    """
    n = tree.leaves
    if not 1 <= k <= n:
        raise TropnncError(f"k = {k} clusters of {n} rows, accepted are 1 to {n}")
    children = tree.merges[: n - k].ravel()
    parents = np.repeat(np.arange(n, 2 * n - k), 2)
    edges = coo_array((np.ones(len(children)), (parents, children)), shape=(2 * n - k, 2 * n - k))
    _, labels = connected_components(edges, directed=False)
    return number_by_first_member(labels[:n].astype(np.int64))


def distances(*features: Array) -> Array:
    """Euclidean distances of rows given in blocks of columns, condensed: ``[n(n−1)/2]``.

    From the Gram matrix, which is many times faster than row by row; where rows are so close that
    it cancels (copies, dead neurons), from their exact projection.
    """
    n = len(features[0])
    with one_thread():
        gram = sum((block @ block.T for block in features), start=np.zeros((n, n)))
    energy = np.diag(gram)
    pairs = squareform(energy[:, None] + energy, checks=False)
    squared = pairs - 2 * squareform(gram, checks=False)
    if (squared <= _CANCELLED * pairs).any():
        return cast(Array, pdist(project(np.concatenate(features, axis=1))))
    return np.sqrt(squared)
