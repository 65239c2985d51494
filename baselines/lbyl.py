"""LBYL, "Leave Before You Leave" (ICML 2022): a pruned filter is a combination of all kept ones.

Per pruned filter i the coefficients s minimise in closed form, with ``k_j = (γ_i/γ_j)(σ_j/σ_i)``,

    ``‖f_i − Σ_j s_j f_j‖² + λ₁·r² + λ₂·Σ_j (k_j s_j)²``,

``r = (γ_i/σ_i)·Σ_j s_j (μ_j − σ_j β_j/γ_j) − (γ_i μ_i/σ_i − β_i)``, the constant that is left
between the batch norms; then ``C_:j += k_j s_j·C_:i``. Without batch norm it is a ridge on
``[w; b]`` with λ₂ alone. Reductions of inner units only.

Traps of the public code (ICML2022-LBYL/LBYL2022, seen) avoided here: it adds the squared norm of
the bias vector to every diagonal entry where the residual has a rank-one matrix, it takes the
running *variance* for σ, it adds ``s_j·C_:i`` where the batch norms make it ``k_j s_j·C_:i``, and
it retunes (λ₁, λ₂) for every ratio on test accuracy. Here one pair serves every network and ratio:
(1e-5, 1e-2), the rounded medians of the sixteen pairs of its README for networks with batch norm,
fixed before any measurement. Without batch norm that code fits an intercept, one constant for all
entries of ``[w; b]``, and throws it away: its printed accuracies need it, so it is an option.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from baselines.criterion import Criterion, check_criterion, compared_rows, importance, keeping
from tropnnc.clustering import one_thread
from tropnnc.errors import TropnncError
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, largest
from tropnnc.rescaling import check_rescalable
from tropnnc.unit import Array, BatchNorm, IntArray, Tier, Unit


@dataclass(frozen=True)
class Lbyl:
    """Keep the most important neurons and write each other one as a combination of all of them.

    Attributes:
        selector: ``l1``, ``l2`` or ``gm``, as in :mod:`baselines.neuron_merging`.
        lambda1: weight of the squared bias residual; without batch norm there is none.
        lambda2: weight of the squared coefficients, above 0.
        intercept: without batch norm, fit an intercept and drop it, as the public code does.
    """

    selector: Criterion = "l2"
    lambda1: float = 1e-5
    lambda2: float = 1e-2
    intercept: bool = False

    needs = Tier.STATISTICS
    order: Order = "original"
    version = 1

    def __post_init__(self) -> None:
        check_criterion(self.selector)
        if self.lambda1 < 0 or self.lambda2 <= 0:
            raise TropnncError(
                f"lambda1 = {self.lambda1:g}, lambda2 = {self.lambda2:g} is out of range; accepted"
                " are lambda1 from 0 and lambda2 above 0"
            )

    def prepare(self, unit: Unit, rng: np.random.Generator) -> tuple[Unit, Array]:
        """Score the neurons, ``[n]``.

        Raises:
            UnsupportedUnit: the unit does not allow its neurons to be rescaled.
        """
        check_rescalable(unit, "LBYL")
        return unit, importance(compared_rows(unit), self.selector)

    def reduce(self, state: tuple[Unit, Array], k: int) -> Reduction:
        """Keep the ``k`` of largest score and fit the others."""
        unit, scores = state
        with one_thread():
            return keeping(unit, largest(unit, scores, k), partial(self._fitted, unit))

    def _fitted(self, unit: Unit, pruned: IntArray, kept: IntArray) -> Array:
        """Rows ``[p, k]`` of the mixing matrix."""
        rows = compared_rows(unit)
        if unit.batch_norm is None and self.intercept:
            rows = rows - rows.mean(axis=1, keepdims=True)
        gram, overlap = rows[kept] @ rows[kept].T, rows[kept] @ rows[pruned].T
        if unit.batch_norm is None:
            system = gram + self.lambda2 * np.eye(len(kept))
            return np.array(np.linalg.solve(system, overlap).T, dtype=np.float64)
        mixed = np.zeros((len(pruned), len(kept)))
        # A kept neuron with γ = 0 is constant: nothing can be written with it.
        alive = unit.batch_norm.scale[kept] != 0
        gram, overlap = gram[np.ix_(alive, alive)], overlap[alive]
        for row, i in enumerate(pruned):
            mixed[row, alive] = self._through(
                unit.batch_norm, unit.filter_bias, gram, overlap[:, row], i, kept[alive]
            )
        return mixed

    def _through(
        self,
        norm: BatchNorm,
        filter_bias: Array,
        gram: Array,
        overlap: Array,
        i: int,
        kept: IntArray,
    ) -> Array:
        """``k_j s_j [k]`` for the pruned neuron ``i``; constant where its γ is 0."""
        factor = norm.scale[i] / norm.scale[kept]
        if norm.scale[i] == 0:
            return factor
        mean = norm.running_mean - filter_bias
        shift = norm.scale[i] * (mean[kept] - norm.bias[kept] / norm.scale[kept])
        target = norm.scale[i] * mean[i] - norm.bias[i]
        system = gram + self.lambda1 * np.outer(shift, shift) + self.lambda2 * np.diag(factor**2)
        return factor * np.linalg.solve(system, overlap + self.lambda1 * target * shift)
