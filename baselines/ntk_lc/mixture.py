"""The paper's Gaussian mixture, and the statistics of it that kernels keep."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.unit import Array, IntArray

SHIFT = 8.0


@dataclass(frozen=True, eq=False)
class Mixture:
    """``x ~ N(μ_a/√p, v_a·I/p)`` for class ``a``.

    Attributes:
        means: ``μ``, ``[classes, p]``.
        variances: ``v``, ``[classes]``.
    """

    means: Array
    variances: Array

    @property
    def dimension(self) -> int:
        """``p``."""
        return self.means.shape[1]

    def draw(self, labels: IntArray, rng: np.random.Generator) -> Array:
        """One point per label, ``[n, p]``."""
        noise = rng.standard_normal((len(labels), self.dimension))
        spread = np.sqrt(self.variances)[labels, None]
        return (self.means[labels] + spread * noise) / self.dimension**0.5


def paper_mixture(dimension: int, classes: int = 2) -> Mixture:
    """``μ_a = 8`` at its entry ``8(a − 1)``, ``C_a = (1 + 8(a − 1)/√p)·I``.

    Raises:
        TropnncError: a dimension that has no room for the means.
    """
    if dimension <= SHIFT * (classes - 1):
        raise TropnncError(
            f"dimension = {dimension} is not accepted; more than {SHIFT * (classes - 1):g} is"
        )
    means = np.zeros((classes, dimension))
    index = np.arange(classes)
    means[index, int(SHIFT) * index] = SHIFT
    return Mixture(means, 1 + SHIFT * index / dimension**0.5)


@dataclass(frozen=True, eq=False)
class Statistics:
    """What the spectral equivalents read beside the points themselves.

    Attributes:
        basis: ``V = [J/√p, ψ]``, ``[n, classes + 1]``.
        t: ``tr(C_a − C_0)/√p``, ``[classes]``, with ``C_0`` the mean covariance.
        products: ``tr(C_a C_b)/p``, ``[classes, classes]``.
    """

    basis: Array
    t: Array
    products: Array


def statistics(mixture: Mixture, points: Array, labels: IntArray) -> Statistics:
    """Of ``points [n, p]`` drawn from ``mixture``."""
    p, variances = mixture.dimension, mixture.variances
    indicator = np.eye(len(variances))[labels]
    noise = points - mixture.means[labels] / p**0.5
    psi = (noise**2).sum(axis=1) - variances[labels]
    t = (variances - indicator.mean(axis=0) @ variances) * p**0.5
    basis = np.column_stack([indicator / p**0.5, psi])
    return Statistics(basis, t, np.outer(variances, variances))
