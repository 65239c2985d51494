"""A normal model of a unit's pre-activations, and the moments behind its activation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.composition.rectified import Rectified, product_moments
from tropnnc.unit import Array, BatchNorm


@dataclass(frozen=True)
class Normal:
    """``N(mean [n], covariance [n, n])``."""

    mean: Array
    covariance: Array

    @property
    def std(self) -> Array:
        """``[n]``."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0))

    def behind(self, batch_norm: BatchNorm | None) -> Normal:
        """What the file's batch norm knows better, this being its folded layer's output.

        Its outputs have mean β and standard deviation |γ|, as far as eps lets them; what remains
        of the model are the correlations, whose signs folding has already given them.
        """
        if batch_norm is None:
            return self
        spread = np.abs(batch_norm.scale) * np.sqrt(batch_norm.running_var)
        std = self.std
        factor = np.divide(spread, std, out=np.zeros_like(std), where=std > 0)
        return Normal(batch_norm.bias, self.covariance * factor * factor[:, None])

    def mixed(self, combination: Array) -> Normal:
        """The law of ``A z`` for ``A [k, n]``."""
        with one_thread():
            covariance = combination @ self.covariance @ combination.T
        return Normal(combination @ self.mean, covariance)


def activated_mean(law: Normal, cap: float | None) -> Array:
    """``E f(z) [n]``, ``f`` clipped at ``cap``; ``None``: no activation."""
    return law.mean if cap is None else Rectified(law.mean, law.std, cap).first()


def activated_gram(law: Normal, cap: float | None) -> Array:
    """``E[f(z) f(z)ᵀ] [n, n]``; its diagonal in closed form."""
    if cap is None:
        return law.covariance + np.outer(law.mean, law.mean)
    variables = Rectified(law.mean, law.std, cap)
    rows, columns = np.triu_indices(len(law.mean), 1)
    upper = product_moments(
        variables.at(rows), variables.at(columns), law.covariance[rows, columns]
    )
    gram = np.diag(variables.second())
    gram[rows, columns] = upper
    gram[columns, rows] = upper
    return gram


def activated_cross(law: Normal, combination: Array, cap: float | None) -> Array:
    """``E[f(z) f(A z)ᵀ] [n, k]`` for ``A [k, n]``."""
    other = law.mixed(combination)
    with one_thread():
        covariance = law.covariance @ combination.T
    if cap is None:
        return covariance + np.outer(law.mean, other.mean)
    rows, columns = (index.ravel() for index in np.indices(covariance.shape))
    one, two = Rectified(law.mean, law.std, cap), Rectified(other.mean, other.std, cap)
    moments = product_moments(one.at(rows), two.at(columns), covariance.ravel())
    return moments.reshape(covariance.shape)
