"""The distance of vertex sets, which is not that of the zonotopes: never below, at times above."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from tests.property.zonotopes import dimensions, exact_distance, random_pair, seeds, several
from tropnnc.geometry import Zonotope, hausdorff_vertices


@several
@given(seeds, dimensions)
def test_distance_to_the_origin_is_the_longest_vertex(seed: int, dim: int) -> None:
    p, _ = random_pair(seed, dim)
    origin = Zonotope(np.zeros((0, dim)))
    longest = np.linalg.norm(p.vertices(), axis=1).max()
    assert exact_distance(p, origin) == pytest.approx(longest, abs=1e-9)
    assert hausdorff_vertices(p, origin) == pytest.approx(longest, abs=1e-9)


@several
@given(seeds, dimensions)
def test_discrete_distance_is_never_below_the_continuous_one(seed: int, dim: int) -> None:
    p, q = random_pair(seed, dim)
    assert hausdorff_vertices(p, q) >= exact_distance(p, q) - 1e-9
    assert hausdorff_vertices(p, p + p) >= exact_distance(p, p + p) - 1e-9


def test_discrete_distance_sees_what_the_continuous_one_does_not() -> None:
    # A square less its corner-cutting generator: the sets are near, a vertex is far from any other.
    square = Zonotope(np.array([[4.0, 0.0], [0.0, 4.0]]))
    slab = Zonotope(np.array([[4.0, 0.0], [0.0, 4.0], [0.1, 0.1]]))
    octagon = Zonotope(np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 2.0]]))
    assert hausdorff_vertices(square, slab) == pytest.approx(np.hypot(0.1, 0.1))
    assert hausdorff_vertices(square, octagon) == pytest.approx(2.0)
    assert exact_distance(square, octagon) == pytest.approx(np.sqrt(2))
