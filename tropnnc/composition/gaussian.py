"""Moments without data: a Gaussian model of the pre-activations (theory.md, section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from torch import nn

from tropnnc.clustering import one_thread
from tropnnc.composition.inputs import produced
from tropnnc.composition.moments import Joint, combination_of, selected
from tropnnc.composition.normal import (
    Normal,
    activated_cross,
    activated_gram,
    activated_mean,
)
from tropnnc.errors import check_choice
from tropnnc.reduction import Reduction
from tropnnc.unit import Array, Depthwise, Tier, Unit

Inputs = Literal["statistics", "isotropic"]


@dataclass(frozen=True)
class GaussianMoments:
    """Moments of ``f(z)``, z normal.

    Attributes:
        law: of the last pre-activations before the consumers.
        cap: where ``f`` clips them; ``None`` where there is no activation.
        gram: ``E[f(z) f(z)ᵀ] [n, n]``.
        mean: ``E f(z) [n]``.
    """

    law: Normal
    cap: float | None
    gram: Array
    mean: Array

    @classmethod
    def of(cls, law: Normal, cap: float | None) -> GaussianMoments:
        """The moments that follow from the law."""
        return cls(law, cap, activated_gram(law, cap), activated_mean(law, cap))

    def joint(self, reduction: Reduction) -> Joint:
        """By the same model, ``z̃ = A z`` where neurons are merged.

        Behind a depthwise convolution, whose rows are merged too, this is exact for equal members.
        """
        if reduction.kept is not None:
            return selected(self, reduction)
        mixing = combination_of(reduction)
        merged = GaussianMoments.of(self.law.mixed(mixing), self.cap)
        cross = activated_cross(self.law, mixing, self.cap)
        return Joint(cross, merged.gram, merged.mean)


@dataclass(frozen=True)
class Gaussian:
    """Source of moments: means and standard deviations from batch norm, correlations from weights.

    The correlation of two neurons is the cosine of their filters (isotropic inputs). Units without
    batch norm: see :mod:`tropnnc.composition.inputs`. Pooling is passed over: the moments are those
    of the activations before it. Behind a depthwise convolution places count as uncorrelated, as
    those of a patch do.

    Attributes:
        inputs: ``statistics`` (batch norms and pixels) or ``isotropic`` (standard normal inputs of
            every unit; nothing but weights is read).
    """

    inputs: Inputs = "statistics"

    version = 1

    def __post_init__(self) -> None:
        check_choice("inputs", self.inputs, get_args(Inputs))

    @property
    def needs(self) -> Tier:
        """The tier follows from the inputs."""
        return Tier.STATISTICS if self.inputs == "statistics" else Tier.WEIGHTS

    def recipe(self, model: nn.Module) -> None:
        """There are no images."""

    def moments(self, unit: Unit) -> GaussianMoments:
        """At the inputs of the unit's consumers."""
        unit = unit.seen_by(self.needs)
        found = GaussianMoments.of(produced(unit, self.moments).behind(unit.batch_norm), unit.cap)
        for stage in unit.depthwise:
            found = GaussianMoments.of(_convolved(stage, found).behind(stage.batch_norm), stage.cap)
        return found


def _convolved(stage: Depthwise, inputs: GaussianMoments) -> Normal:
    """``z_i = Σ_p D_ip h_i(p) + b_i``, the places p uncorrelated."""
    rows, bias = stage.incoming[:, :-1], stage.incoming[:, -1]
    centred = inputs.gram - np.outer(inputs.mean, inputs.mean)
    with one_thread():
        return Normal(rows.sum(axis=1) * inputs.mean + bias, (rows @ rows.T) * centred)
