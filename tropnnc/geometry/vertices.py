"""Exact vertices of a zonotope: the sign vectors of its arrangement of hyperplanes.

The vertex in direction u is ``Σ_{g_i·u > 0} g_i``. Around the centre it is ``½ Σ s_i d_i`` with
``s_i = sign(d_i·u)``, so vertices are the sign vectors that some u in general position produces.
They are found facet by facet: the normal of a facet fixes the signs of all generators outside it,
and the facet is a zonotope of one dimension less.
"""

from __future__ import annotations

from itertools import combinations, product
from math import comb

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.unit import Array

# Relative: an angle below it counts as zero, two directions that close as parallel.
_FLAT = 1e-10
MOST_VERTICES = 200_000


def lines(generators: Array, signs: Array | None = None) -> tuple[Array, Array]:
    """The lines through 0 on which generators lie, and how much of them lies on each.

    Up to a translation, a zonotope depends on nothing else: opposite generators differ by one.

    Args:
        generators: ``[n, D]``.
        signs: ``[n]``, with which lengths count; None: all positive.

    Returns:
        unit ``axes [m, D]`` and the signed sums ``[m]`` of the lengths, none of them zero beside
        the longest generator.
    """
    lengths = np.linalg.norm(generators, axis=1)
    counted = lengths if signs is None else lengths * signs
    negligible = np.finfo(np.float64).eps * lengths.max(initial=0)
    rest = np.flatnonzero(lengths > negligible)
    axes, sums = [], []
    while len(rest):
        axis = generators[rest[0]] / lengths[rest[0]]
        along = generators[rest] @ axis
        off = np.linalg.norm(generators[rest] - along[:, None] * axis, axis=1)
        same = off <= _FLAT * lengths[rest]
        same[0] = True  # a length that underflows would leave it out for ever
        axes.append(axis)
        sums.append(counted[rest[same]].sum())
        rest = rest[~same]
    found, totals = np.array(axes).reshape(-1, generators.shape[1]), np.array(sums)
    kept = np.abs(totals) > len(lengths) * negligible
    return found[kept], totals[kept]


def most_vertices(n: int, dimension: int) -> int:
    """Vertices of a zonotope with ``n`` generators in general position (Zaslavsky 1975)."""
    return 1 if n == 0 else 2 * sum(comb(n - 1, i) for i in range(dimension))


def sign_vectors(directions: Array) -> Array:
    """The signs ``[v, m]`` of ``directions @ u`` over all u for which none is zero, each once.

    Args:
        directions: ``[m, D]``, not zero and no two parallel.

    Raises:
        TropnncError: if there may be more than ``MOST_VERTICES``.
    """
    count = len(directions)
    _, values, basis = np.linalg.svd(directions, full_matrices=False)
    rank = int((values > _FLAT * values.max(initial=0)).sum())
    if most_vertices(count, rank) > MOST_VERTICES:
        raise TropnncError(
            f"a zonotope of {count} generators in {rank} dimensions may have "
            f"{most_vertices(count, rank):,} vertices; accepted are {MOST_VERTICES:,} at most"
        )
    if count == rank:
        return np.array(list(product((-1.0, 1.0), repeat=count)))
    coordinates = directions @ basis[:rank].T
    return _by_facets(coordinates / np.linalg.norm(coordinates, axis=1, keepdims=True))


def _by_facets(directions: Array) -> Array:
    """:func:`sign_vectors` of more unit ``directions [m, r]`` than the ``r`` they span."""
    rank = directions.shape[1]
    outside = _normals(directions) @ directions.T
    inside = np.abs(outside) <= _FLAT
    fixed = np.where(inside, 0.0, np.sign(outside))
    simple = inside.sum(axis=1) == rank - 1
    found = [_parallelepipeds(fixed[simple])]
    # A facet with more generators than dimensions is met once for every subset that spans it.
    _, first = np.unique(inside[~simple], axis=0, return_index=True)
    for signs in fixed[~simple][first]:
        free = sign_vectors(directions[signs == 0])
        vectors = np.tile(signs, (len(free), 1))
        vectors[:, signs == 0] = free
        found.append(vectors)
    half = np.concatenate(found) > 0
    both = np.packbits(np.concatenate([half, ~half]), axis=1)
    distinct = np.unpackbits(np.unique(both, axis=0), axis=1, count=len(directions))
    return distinct.astype(np.float64) * 2 - 1


def _parallelepipeds(fixed: Array) -> Array:
    """``fixed [f, m]`` with the zeros, equally many in each row, in all combinations of signs."""
    free = (fixed == 0).sum(axis=1).max(initial=0)
    choices = np.array(list(product((-1.0, 1.0), repeat=free)))
    vectors = np.repeat(fixed, len(choices), axis=0)
    vectors[vectors == 0] = np.tile(choices, (len(fixed), 1)).ravel()
    return vectors


def _normals(directions: Array) -> Array:
    """Unit normals ``[·, r]`` of the hyperplanes that ``r − 1`` of the directions span."""
    count, rank = directions.shape
    subsets = directions[np.array(list(combinations(range(count), rank - 1)))]
    _, values, basis = np.linalg.svd(subsets)
    normals = basis[values[:, -1] > _FLAT, -1]
    return np.asarray(normals, dtype=np.float64)
