"""The outline of a zonotope in the plane: its generators twice, sorted by angle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.unit import Array, IntArray


@dataclass(frozen=True, eq=False)
class Outline:
    """A closed polygon, counter-clockwise.

    Attributes:
        corners: ``[2n, 2]``; edge i runs from corner i to the next one.
        edges: the generator that each edge is a copy of, ``[2n]``.
    """

    corners: Array
    edges: IntArray


def outline(generators: Array) -> Outline:
    """The outline of ``Σ [0, g_i]`` for ``generators [n, 2]``.

    Every generator, turned into the upper half-plane, is an edge on the way up and, reversed, on
    the way down; the lowest corner is the sum of those that pointed down.
    """
    downwards = (generators[:, 1] < 0) | ((generators[:, 1] == 0) & (generators[:, 0] < 0))
    upwards = np.where(downwards[:, None], -generators, generators)
    order = np.argsort(np.arctan2(upwards[:, 1], upwards[:, 0]), kind="stable")
    steps = np.concatenate([upwards[order], -upwards[order]])
    lowest = generators[downwards].sum(axis=0)
    corners = lowest + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)[:-1]])
    return Outline(corners, np.concatenate([order, order]))
