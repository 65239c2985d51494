"""Hausdorff distances between zonotopes: continuous, and between the vertex sets."""

from __future__ import annotations

from scipy.spatial import KDTree

from tropnnc.geometry.bracket import bracket
from tropnnc.geometry.difference import difference
from tropnnc.geometry.interval import Interval
from tropnnc.geometry.planar import planar_distance
from tropnnc.geometry.vertexwise import has_few_vertices, vertexwise_distance
from tropnnc.geometry.zonotope import Zonotope, check_same_space
from tropnnc.unit import IntArray


def hausdorff(
    p: Zonotope, q: Zonotope, clusters: IntArray | None = None, seed: int = 0
) -> Interval:
    """The continuous Hausdorff distance ``max |h_P(u) − h_Q(u)|`` over unit u (theory.md (B0)).

    Exact in two dimensions; exact where neither can have more than 4,096 vertices once common
    generators are dropped (12 generators in any dimension, 64 in three); otherwise the certified
    interval of :func:`tropnnc.geometry.bracket.bracket`.

    Args:
        p: a zonotope.
        q: another of the same space.
        clusters: ``[n]``, the index of the generator of ``q`` that each of ``p`` is merged into,
            where known: it tightens the interval.
        seed: of the random starts of the lower bound.

    Raises:
        TropnncError: for different dimensions, or clusters that do not fit.
    """
    apart = difference(p, q)
    if p.dimension == 2:
        distance = planar_distance(apart)
        return Interval(distance, distance)
    if has_few_vertices(apart):
        return vertexwise_distance(apart)
    return bracket(p, q, clusters, seed)


def hausdorff_vertices(p: Zonotope, q: Zonotope) -> float:
    """The discrete Hausdorff distance between the vertex sets (Misiakos et al., ICLR 2022).

    Exact, and never below the continuous one: the nearest vertex is no nearer than the nearest
    point.

    Raises:
        TropnncError: for different dimensions, or if there may be more than 200,000 vertices.
    """
    check_same_space(p, q)
    one, other = p.vertices(), q.vertices()
    return float(max(KDTree(a).query(b)[0].max() for a, b in ((one, other), (other, one))))
