"""The exact Hausdorff distance in two dimensions, by critical directions."""

from __future__ import annotations

import numpy as np

from tropnnc.geometry.ascent import normalised
from tropnnc.geometry.difference import Difference
from tropnnc.unit import Array


def planar_distance(difference: Difference) -> float:
    """The largest ``|c·u| + |e(u)|`` over unit ``u`` in the plane.

    Between neighbouring normals of the generators ``e(u) = m·u`` is linear, so the largest value
    of ``|(m ± c)·u|`` on that arc is at one of its ends or in the direction ``m ± c``. All of these
    are tried, wherever they lie: no direction gives more than the distance.
    """
    rows = difference.rows
    across = np.arctan2(rows[:, 0], -rows[:, 1])
    ends = np.unique(np.append(across % np.pi, 0.0))
    middles = _unit(ends + np.diff(ends, append=np.pi) / 2)
    slopes = (np.sign(middles @ rows.T) * difference.signs) @ rows / 2
    inside = np.concatenate([slopes + difference.centre, slopes - difference.centre])
    directions = np.concatenate([_unit(ends), normalised(inside)])
    return float(difference.values(directions).max())


def _unit(angles: Array) -> Array:
    """Unit vectors ``[b, 2]`` at ``angles [b]`` in radians."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
