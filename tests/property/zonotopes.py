"""Random zonotopes for the tests of distances."""

from __future__ import annotations

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st

from tropnnc.geometry import Zonotope, hausdorff
from tropnnc.unit import IntArray

seeds = st.integers(0, 2**32 - 1)
dimensions = st.integers(2, 4)
several = settings(max_examples=30, deadline=None)


def random_zonotope(rng: np.random.Generator, dim: int, most: int = 6) -> Zonotope:
    """Up to ``most`` generators, real or small integers (zeros, parallels and repeats abound)."""
    shape = (int(rng.integers(most + 1)), dim)
    if rng.random() < 0.5:
        return Zonotope(rng.normal(size=shape))
    return Zonotope(rng.integers(-2, 3, size=shape).astype(np.float64))


def random_pair(seed: int, dim: int, most: int = 6) -> tuple[Zonotope, Zonotope]:
    """Two of them, independent."""
    rng = np.random.default_rng(seed)
    return random_zonotope(rng, dim, most), random_zonotope(rng, dim, most)


def exact_distance(p: Zonotope, q: Zonotope) -> float:
    """Of zonotopes small enough that it is known exactly."""
    found = hausdorff(p, q)
    assert found.exact
    return found.lower


def merged(
    rng: np.random.Generator, n: int, k: int, dim: int
) -> tuple[Zonotope, Zonotope, IntArray]:
    """Generators around k centres, the zonotope of their sums, and the clusters."""
    clusters = np.concatenate([np.arange(k), rng.integers(k, size=n - k)])
    generators = rng.normal(size=(k, dim))[clusters] + rng.normal(size=(n, dim)) * rng.uniform(0, 1)
    sums = np.stack([generators[clusters == i].sum(axis=0) for i in range(k)])
    return Zonotope(generators), Zonotope(sums), clusters
