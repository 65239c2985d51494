"""UQ: multiples of the first step of a ladder that leaves few values (relatives.md A1, step 2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines.sharing.scheme import Shared, check_shareable, in_use
from tropnnc.errors import TropnncError
from tropnnc.unit import Array

# 1e-4, 6e-4, 1.1e-3, … up to 1, as numerators of 1e-4.
_LADDER = range(1, 10_001, 5)
_SAMPLE = 4096


@dataclass(frozen=True)
class Uq:
    """``δ·round(w/δ)``, halves to even."""

    version = 1

    def share(self, values: Array, k: int, rng: np.random.Generator) -> Shared:
        """As :class:`baselines.sharing.scheme.Scheme`; ``rng`` is not drawn from.

        Raises:
            TropnncError: δ = 0.9996, the last of the ladder, still leaves more than ``k`` values.
        """
        check_shareable(values, k)
        numerator = _first_step(np.sort(values), k)
        levels, codes = np.unique(_rounded(values, numerator), return_inverse=True)
        return in_use(levels * (numerator / 1e4), codes.reshape(-1))


def _first_step(ordered: Array, k: int) -> int:
    """A few of the sorted values rule most steps out: they cannot round to more than all do."""
    few = ordered[np.linspace(0, len(ordered) - 1, min(_SAMPLE, len(ordered))).astype(int)]
    for numerator in _LADDER:
        if _distinct(few, numerator) <= k and _distinct(ordered, numerator) <= k:
            return numerator
    raise TropnncError(f"no step up to 1 leaves {k} values or fewer")


def _rounded(values: Array, numerator: int) -> Array:
    return np.rint(values / (numerator / 1e4))


def _distinct(ordered: Array, numerator: int) -> int:
    return 1 + int(np.count_nonzero(np.diff(_rounded(ordered, numerator))))
