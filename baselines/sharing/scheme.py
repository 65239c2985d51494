"""What a scheme of weight sharing is: scalars in, a codebook and a code for each out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.unit import Array, IntArray


@dataclass(frozen=True, eq=False)
class Shared:
    """``codebook[codes]`` in place of the values.

    Attributes:
        codebook: ``[≤ k]``, ascending, each of its values in use.
        codes: ``[q]``.
    """

    codebook: Array
    codes: IntArray


@runtime_checkable
class Scheme(Protocol):
    """A way to share ``k`` values.

    Attributes:
        version: bumped by hand whenever results change.
    """

    @property
    def version(self) -> int:
        """Bumped by hand whenever results change."""
        ...

    def share(self, values: Array, k: int, rng: np.random.Generator) -> Shared:
        """At most ``k`` values in place of ``values [q]``, float64, none of them missing.

        Raises:
            TropnncError: there is no such codebook.
        """
        ...


def in_use(codebook: Array, codes: IntArray) -> Shared:
    """Without the entries of ``codebook`` that no code names, and with equal ones merged."""
    used, inverse = np.unique(codebook[codes], return_inverse=True)
    return Shared(used, inverse.reshape(-1))


def check_shareable(values: Array, k: int, least: int = 1) -> None:
    """Raise :class:`TropnncError` for no values, or fewer shared values than a scheme needs."""
    if k < least:
        raise TropnncError(f"k = {k} is out of range, accepted are {least} and more")
    if not len(values):
        raise TropnncError("there are no nonzero weights to share")
