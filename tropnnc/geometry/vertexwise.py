"""The exact Hausdorff distance from the vertices, where these are few."""

from __future__ import annotations

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.geometry.ascent import normalised
from tropnnc.geometry.difference import Difference
from tropnnc.geometry.interval import Interval
from tropnnc.geometry.nearest import RoughSolver, coefficients
from tropnnc.geometry.vertices import lines, most_vertices
from tropnnc.geometry.zonotope import Zonotope
from tropnnc.unit import Array

_TIGHT = 1e-10


def has_few_vertices(difference: Difference, most: int = 4096) -> bool:
    """Whether neither zonotope can have more than ``most`` vertices."""
    dimension = difference.p.dimension
    longer = max(len(difference.p.generators), len(difference.q.generators))
    return most_vertices(longer, dimension) <= most


def vertexwise_distance(difference: Difference) -> Interval:
    """``H(P, Q)``: the distance to a convex set is convex, so its largest value is at a vertex.

    Exact but for rounding. Should a nearest point not be found to 1e-10 of the zonotopes' length,
    the interval shows what is certain.
    """
    with one_thread():
        difference = difference.in_span()
        axes, lengths = lines(difference.rows, difference.signs)
        p, q = (Zonotope((axes * lengths[:, None])[lengths * sign > 0]) for sign in (1, -1))
        one = _farthest(p.vertices() - p.centre + difference.centre, q)
        other = _farthest(q.vertices() - q.centre - difference.centre, p)
    lower, upper = max(one.lower, other.lower), max(one.upper, other.upper)
    if upper - lower <= _TIGHT * (difference.p.length + difference.q.length):
        return Interval(lower, lower)
    return Interval(lower, upper)


def _farthest(vertices: Array, body: Zonotope) -> Interval:
    """The largest distance of ``vertices [v, D]`` to ``body`` centred at 0."""
    points = vertices + body.centre
    near = RoughSolver(body.generators).coefficients(points) @ body.generators
    at_most = np.linalg.norm(points - near, axis=1)
    lower = upper = 0.0
    for i in np.argsort(-at_most):
        if at_most[i] <= upper:
            break
        point = points[i : i + 1]
        away = point - coefficients(body.generators, point) @ body.generators
        direction = normalised(away)
        upper = max(upper, float(np.linalg.norm(away)))
        lower = max(lower, float((direction @ point.T).item() - body.support(direction).item()))
    return Interval(lower, max(lower, upper))
