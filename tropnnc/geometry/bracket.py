"""A certified interval for the Hausdorff distance in any dimension."""

from __future__ import annotations

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.errors import TropnncError
from tropnnc.geometry.ascent import climb, normalised
from tropnnc.geometry.difference import difference, without_unchanged
from tropnnc.geometry.interval import Interval
from tropnnc.geometry.matching import upper_bound
from tropnnc.geometry.zonotope import Zonotope, check_same_space
from tropnnc.unit import IntArray

_RANDOM_STARTS = 64


def bracket(p: Zonotope, q: Zonotope, clusters: IntArray | None = None, seed: int = 0) -> Interval:
    """Bounds ``lower ≤ H(P, Q) ≤ upper`` at the cost of a few matrix products.

    The lower one is the difference of the support functions in the best direction found by
    :func:`tropnnc.geometry.ascent.climb` from the line between the centres, from the residuals of
    the matched generators, their leading singular vectors and random directions. The upper one is
    that of :mod:`tropnnc.geometry.matching`, or half the longer list of generators.

    Args:
        p: a zonotope.
        q: another of the same space.
        clusters: ``[n]``, the index of the generator of ``q`` that each of ``p`` is merged into.
            With sums the upper bound is then at most (B2), and (B3) with projection coefficients
            where none of them is negative. None: matched by angle.
        seed: of the random starts.

    Raises:
        TropnncError: for different dimensions, or clusters that do not fit.
    """
    check_same_space(p, q)
    if clusters is None:
        apart = difference(p, q)
    else:
        _check_clusters(clusters, p, q)
        apart, clusters = without_unchanged(p, q, clusters)
    with one_thread():
        apart = apart.in_span()
        upper, promising = upper_bound(apart, clusters)
        noise = np.random.default_rng(seed).normal(size=(_RANDOM_STARTS, apart.p.dimension))
        lower = climb(apart, normalised(np.concatenate([promising, noise])))
    # In exact arithmetic they never cross.
    return Interval(lower, max(lower, upper))


def _check_clusters(clusters: IntArray, p: Zonotope, q: Zonotope) -> None:
    members, heads = len(p.generators), len(q.generators)
    if clusters.shape != (members,) or not ((clusters >= 0) & (clusters < heads)).all():
        raise TropnncError(
            f"clusters of shape {clusters.shape} for {members} generators; accepted is one index "
            f"below {heads} for each"
        )
