"""Compensation: the outgoing weights that make up for the rows that are gone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.composition.greedy import consumer_gram
from tropnnc.composition.moments import Moments
from tropnnc.errors import check_positive
from tropnnc.reduction import Reduction
from tropnnc.unit import Array, Tier, Unit


@dataclass(frozen=True)
class Uncompensated:
    """The front end's own mixing matrix."""

    needs = Tier.WEIGHTS
    version = 1
    fits = False

    def fit(self, unit: Unit, moments: Moments, reduction: Reduction) -> Reduction:
        """Leave it."""
        return reduction


@dataclass(frozen=True)
class Scalar:
    """One factor on every column of the front end's mixing matrix ``T``.

    ``argmin_s E‖C h − C T diag(s) h̃‖² + λ‖s − 1‖²``: ThiNet's rescaling on given moments, every tap
    by itself.

    Attributes:
        ridge: ``λ`` in units of the mean diagonal of the normal matrix.
    """

    ridge: float = 1e-3

    needs = Tier.WEIGHTS
    version = 1
    fits = False

    def __post_init__(self) -> None:
        check_positive("ridge", self.ridge)

    def fit(self, unit: Unit, moments: Moments, reduction: Reduction) -> Reduction:
        """Scale the columns."""
        mix, joint = reduction.mix, moments.joint(reduction)
        assert mix is not None
        with one_thread():
            seen = consumer_gram(unit) @ mix
            normal = (mix.T @ seen) * joint.inner
            missing = np.vecdot(seen.T, joint.cross.T) - normal.sum(axis=1)
            factors = 1 + np.linalg.solve(_ridged(normal, self.ridge), missing)
        return replace(reduction, mix=mix * factors)


@dataclass(frozen=True)
class Mix:
    """Every activation from all that remain, by least squares.

    ``T = E[h h̃ᵀ] (E[h̃ h̃ᵀ] + λ I)⁻¹`` (theory.md, section 5): the best T in mean square for a
    linear or 1 × 1 consumer, the same at all taps for others.

    Attributes:
        ridge: ``λ`` in units of the mean diagonal of ``E[h̃ h̃ᵀ]``.
        offset: fit an intercept as well (CORP): covariances instead of second moments, and what is
            missing of the means goes to the consumers' outputs.
    """

    ridge: float = 1e-3
    offset: bool = False

    needs = Tier.WEIGHTS
    version = 1
    fits = False

    def __post_init__(self) -> None:
        check_positive("ridge", self.ridge)

    def fit(self, unit: Unit, moments: Moments, reduction: Reduction) -> Reduction:
        """Solve for T; a unit that keeps all its neurons needs none."""
        if reduction.width == unit.neurons:
            return reduction
        joint = moments.joint(reduction)
        cross, inner = joint.cross, joint.inner
        if self.offset:
            cross = cross - np.outer(moments.mean, joint.mean)
            inner = inner - np.outer(joint.mean, joint.mean)
        with one_thread():
            solved = np.linalg.solve(_ridged(inner, self.ridge), cross.T)
        mix = np.array(solved.T, dtype=np.float64)
        missing = moments.mean - mix @ joint.mean
        offset = tuple(c.outgoing.sum(axis=2) @ missing for c in unit.consumers)
        return replace(reduction, mix=mix, offset=offset if self.offset else None)


def _ridged(normal: Array, ridge: float) -> Array:
    """``M + ridge·mean(diag M)·I``; a matrix of zeros gets the identity."""
    return normal + ridge * (np.mean(np.diag(normal)) or 1.0) * np.eye(len(normal))
