"""The difference of two support functions, in which what the zonotopes share is gone.

``h_P(u) − h_Q(u) = c·u + e(u)`` with ``c`` the difference of the centres and the even part
``e(u) = ½ Σ |p_i·u| − ½ Σ |q_i·u|``. At ``u`` or at ``−u`` it reaches ``|c·u| + |e(u)|``, whose
largest value on the unit sphere is the Hausdorff distance (theory.md, section 1).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tropnnc.clustering import project
from tropnnc.geometry.zonotope import Zonotope, check_same_space
from tropnnc.unit import Array, IntArray


@dataclass(frozen=True, eq=False)
class Difference:
    """Two zonotopes of the same space, seen as ``h_P − h_Q``.

    Raises:
        TropnncError: if they lie in different dimensions.
    """

    p: Zonotope
    q: Zonotope

    def __post_init__(self) -> None:
        check_same_space(self.p, self.q)

    @cached_property
    def rows(self) -> Array:
        """Generators of both, ``[n, D]``."""
        return np.concatenate([self.p.generators, self.q.generators])

    @cached_property
    def signs(self) -> Array:
        """``+1`` for the rows of P, ``−1`` for those of Q, ``[n]``."""
        return np.repeat([1.0, -1.0], [len(self.p.generators), len(self.q.generators)])

    @cached_property
    def centre(self) -> Array:
        """``c``, ``[D]``."""
        return self.signs @ self.rows / 2

    def values(self, directions: Array) -> Array:
        """``|c·u| + |e(u)|`` for each unit vector: ``[b, D]`` to ``[b]``."""
        even = np.abs(directions @ self.rows.T) @ self.signs / 2
        return np.abs(directions @ self.centre) + np.abs(even)

    def in_span(self) -> Difference:
        """The same in coordinates of the span of all generators, where H is attained."""
        count = len(self.p.generators)
        if not len(self.rows):
            return self
        rows = project(self.rows)
        return Difference(Zonotope(rows[:count]), Zonotope(rows[count:]))


def difference(p: Zonotope, q: Zonotope) -> Difference:
    """What distinguishes two zonotopes: generators that both have are dropped from both.

    ``H(P + R, Q + R) = H(P, Q)``, since support functions add: what a selection keeps, and
    clusters of one member, drop out.

    Raises:
        TropnncError: if they lie in different dimensions.
    """
    check_same_space(p, q)
    # A sum with 0.0 turns −0.0 into 0.0, whose bytes differ.
    keys_p, keys_q = ([(g + 0.0).tobytes() for g in z.generators] for z in (p, q))
    common = Counter(keys_p) & Counter(keys_q)
    return Difference(_without(p, keys_p, common), _without(q, keys_q, common))


def without_unchanged(p: Zonotope, q: Zonotope, clusters: IntArray) -> tuple[Difference, IntArray]:
    """The same for generators of ``p`` that are alone in their cluster and equal to its head.

    Args:
        p: generators ``[n, D]``.
        q: the clusters' heads.
        clusters: ``[n]``, indices into the generators of ``q``.

    Returns:
        the difference, and the clusters of what is left of ``p``.
    """
    alone = np.bincount(clusters, minlength=len(q.generators))[clusters] == 1
    dropped = alone & (p.generators == q.generators[clusters]).all(axis=1)
    heads = np.ones(len(q.generators), dtype=bool)
    heads[clusters[dropped]] = False
    left = Difference(Zonotope(p.generators[~dropped]), Zonotope(q.generators[heads]))
    return left, (np.cumsum(heads) - 1)[clusters[~dropped]]


def _without(zonotope: Zonotope, keys: list[bytes], common: Counter[bytes]) -> Zonotope:
    """``zonotope`` less as many copies of each key as ``common`` counts."""
    left = common.copy()
    kept = []
    for i, key in enumerate(keys):
        if left[key]:
            left[key] -= 1
        else:
            kept.append(i)
    return Zonotope(zonotope.generators[kept])
