"""Products of the large matrices of a layer, a block at a time: 4,096 × 25,088 floats are 0.8 GB.

Up to ``MANY`` rows the bits are those of the plain expression, which committed records come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.sparse import csr_array

from tropnnc.lazy import Rows
from tropnnc.unit import Array, IntArray

# Neurons above which a layer is large: K-means of 4,096 takes seconds from their Gram matrix,
# by scikit-learn an hour.
MANY = 1024
# Entries in a block of rows, which then stay in the cache; a row's result does not depend on it.
_ENTRIES = 1 << 16
# Columns in a block of a Gram matrix.
_COLUMNS = 4096


def combine(combination: Array, rows: Array) -> Array:
    """``A·W`` of ``A [k, n]``, nearly all zeros where clusters are merged, and ``W [n, d+1]``."""
    return (combination if len(rows) <= MANY else csr_array(combination)) @ rows


def row_parts(rows: Rows) -> list[slice]:
    """All of ``rows [n, d]``, as many at a time as stay in the cache."""
    at_once = max(1, _ENTRIES // rows.shape[1])
    return [slice(start, start + at_once) for start in range(0, rows.shape[0], at_once)]


def row_products(rows: Array, others: Array, partner: IntArray) -> Array:
    """Inner product ``[n]`` of each of ``rows [n, d]`` with row ``partner [n]`` of ``others``."""
    return np.concatenate([(rows[b] * others[partner[b]]).sum(axis=1) for b in row_parts(rows)])


def row_norms(rows: Array, order: int = 2) -> Array:
    """Length of every row, or its norm of another ``order``, ``[n]``."""
    return np.concatenate([np.linalg.norm(rows[b], order, axis=1) for b in row_parts(rows)])


def gram_of(*features: Array, centred: bool = False) -> Array:
    """Inner products ``[n, n]`` of rows given in blocks of columns, each ``[n, ·]``.

    Args:
        features: the blocks.
        centred: subtract the mean of the rows from each.
    """
    n = len(features[0])
    gram = np.zeros((n, n))
    for block in column_blocks(features, _COLUMNS):
        part = block - block.mean(axis=0) if centred else block
        gram += part @ part.T
    return gram


def column_blocks(features: Sequence[Array], width: int) -> Iterator[Array]:
    """The columns of all ``features``, at most ``width`` at a time, in their order."""
    for columns in features:
        for start in range(0, columns.shape[1], width):
            yield columns[:, start : start + width]
