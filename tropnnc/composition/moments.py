"""Second moments of a unit's activations, as compensation and repair use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.errors import TropnncError
from tropnnc.reduction import Reduction
from tropnnc.unit import Array


@dataclass(frozen=True)
class Joint:
    """Moments of a unit's activations ``h`` with those ``h̃`` that a reduction leaves.

    Attributes:
        cross: ``E[h h̃ᵀ] [n, k]``.
        inner: ``E[h̃ h̃ᵀ] [k, k]``.
        mean: ``E[h̃] [k]``.
    """

    cross: Array
    inner: Array
    mean: Array


class Moments(Protocol):
    """What a source knows of the activations ``h`` at the inputs of a unit's consumers."""

    @property
    def gram(self) -> Array:
        """``G = E[h hᵀ] [n, n]``."""
        ...

    @property
    def mean(self) -> Array:
        """``E[h] [n]``."""
        ...

    def joint(self, reduction: Reduction) -> Joint:
        """With the activations behind the rows of ``reduction``."""
        ...


@dataclass(frozen=True)
class LinearMoments:
    """Moments that follow a reduction linearly: ``h̃ = A h``, exact where neurons are selected.

    Attributes:
        gram: ``[n, n]``.
        mean: ``[n]``.
    """

    gram: Array
    mean: Array

    def joint(self, reduction: Reduction) -> Joint:
        """``G Aᵀ`` and ``A G Aᵀ``, A the selection or the combination."""
        if reduction.kept is not None:
            return selected(self, reduction)
        mixing = combination_of(reduction)
        with one_thread():
            cross = self.gram @ mixing.T
            return Joint(cross, mixing @ cross, mixing @ self.mean)


def selected(moments: Moments, reduction: Reduction) -> Joint:
    """Columns of the Gram matrix: the kept neurons are themselves."""
    assert reduction.kept is not None
    kept = reduction.kept
    return Joint(moments.gram[:, kept], moments.gram[np.ix_(kept, kept)], moments.mean[kept])


def combination_of(reduction: Reduction) -> Array:
    """``A [k, n]`` with ``w̃ = A w``; :class:`TropnncError` where the reduction states none."""
    if reduction.combination is None:
        raise TropnncError("a composition needs reductions with kept or combination")
    return reduction.combination
