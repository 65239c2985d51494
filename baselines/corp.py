"""CORP's affine compensation (arXiv 2602.05243): ``x_P ≈ B·x_S + c`` on calibration activations.

The pruned activations are fitted by ridge from the kept ones, with intercept:
``B = Cov_PS (Cov_SS + λI)⁻¹``, ``c = m_P − B·m_S``; then ``W_S += W_P·B`` and ``b += W_P·c``
(README seen). Ours, where the README says nothing: the activations are those of the network as
compressed so far, the ridge is a share of the mean variance, and those kept have the largest
``‖C_:i‖²·E[x_i²]``. The offset is exact away from a padded border.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.errors import TropnncError
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, largest
from tropnnc.unit import Array, Calibration, IntArray, Point, Tier, Unit


@dataclass(frozen=True)
class Prepared:
    """A unit with the mean ``[n]`` and covariance ``[n, n]`` of what its consumers read."""

    unit: Unit
    mean: Array
    covariance: Array


@dataclass(frozen=True)
class Corp:
    """Keep the neurons of largest output energy, fit the others by an affine map.

    Attributes:
        ridge: λ, in shares of the mean variance of the kept activations; above 0.
    """

    ridge: float = 1e-3

    needs = Tier.IMAGES
    order: Order = "sequential"
    version = 1

    def __post_init__(self) -> None:
        if self.ridge <= 0:
            raise TropnncError(f"ridge = {self.ridge:g} is out of range; accepted is above 0")

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Take the moments of the activations.

        Raises:
            TropnncError: the unit has no calibration images.
        """
        if unit.calibration is None:
            raise TropnncError(f"{unit.name}: CORP needs calibration images")
        with one_thread():
            return Prepared(unit, *moments(unit, unit.calibration))

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Keep ``k`` and make up for the others in the consumers' weights and biases."""
        unit = state.unit
        second = np.diag(state.covariance) + state.mean**2
        kept = largest(unit, (unit.outgoing**2).sum(axis=1) * second, k)
        with one_thread():
            mix = affine_mix(state.covariance, kept, self.ridge)
        constant = state.mean - mix @ state.mean[kept]
        offsets = tuple(np.einsum("mnp,n->m", c.outgoing, constant) for c in unit.consumers)
        return Reduction(incoming=unit.incoming[kept], mix=mix, offset=offsets, kept=kept)


def moments(unit: Unit, calibration: Calibration) -> tuple[Array, Array]:
    """Mean ``[n]`` and covariance ``[n, n]`` over images, positions and consumers."""
    gram = np.zeros((unit.neurons + 1, unit.neurons + 1))
    for index in range(len(unit.consumers)):
        for (hidden,) in calibration.stream(Point("consumer_input", consumer=index)):
            rows = hidden.double().cpu().flatten(2).movedim(1, -1).flatten(0, 1).numpy()
            rows = np.column_stack([rows, np.ones(len(rows))])
            gram += rows.T @ rows
    gram /= gram[-1, -1]
    mean = gram[-1, :-1]
    return mean, gram[:-1, :-1] - np.outer(mean, mean)


def affine_mix(covariance: Array, kept: IntArray, ridge: float) -> Array:
    """``[n, k]``: the identity on the kept, B on the others."""
    inner = covariance[np.ix_(kept, kept)]
    damping = ridge * (np.mean(np.diag(inner)) or 1.0)
    solved = np.linalg.solve(inner + damping * np.eye(len(kept)), covariance[kept])
    mix = np.array(solved.T, dtype=np.float64)
    mix[kept] = np.eye(len(kept))
    return mix
