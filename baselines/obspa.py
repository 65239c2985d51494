"""OBSPA-like second-order pruning (after SPA, arXiv 2403.18955): optimal brain surgeon on noise.

From memory of the paper, hence "like". For a layer with inputs X the loss of removing input channel
q and refitting the others is ``‖C_:q‖²/[H⁻¹]_qq`` with ``H = 2·E[XXᵀ]``, and the update that goes
with it ``δC = −C_:q·H⁻¹_q:/[H⁻¹]_qq``; channels go one at a time, H⁻¹ deflated in between. After
all removals that is the least squares of what is left, whatever the order.

Nothing but noise is seen, as in the paper's data-free variant; but each layer's own inputs are
noise, ``u ~ N(0, I)``, where the paper sends noise images through the network. One H serves all
taps of a consumer: they count as inputs with independent noise. Max-pooling in between is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.errors import TropnncError, check_at_least_one
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width
from tropnnc.unit import Array, Depthwise, IntArray, Tier, Unit

# Rows of noise at a time: bounds the memory.
_CHUNK = 512


@dataclass(frozen=True)
class Prepared:
    """A unit, its damped H ``[n, n]`` and its neurons, the last removed first ``[n]``."""

    unit: Unit
    hessian: Array
    path: IntArray


@dataclass(frozen=True)
class Obspa:
    """Remove the channels of least loss one by one, refit the consumers at every step.

    Attributes:
        samples: noise inputs.
        damping: added to H's diagonal, in shares of its mean.
    """

    samples: int = 4096
    damping: float = 1e-2

    needs = Tier.WEIGHTS
    order: Order = "sequential"
    version = 1

    def __post_init__(self) -> None:
        check_at_least_one("samples", self.samples)
        if self.damping <= 0:
            raise TropnncError(f"damping = {self.damping:g} is out of range; accepted is above 0")

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Draw the noise and order the removals."""
        with one_thread():
            hessian = 2.0 * noise_gram(unit, self.samples, rng) / self.samples
            damping = self.damping * (np.mean(np.diag(hessian)) or 1.0)
            hessian += damping * np.eye(unit.neurons)
            path = removals(hessian, unit.outgoing @ unit.outgoing.T)[::-1]
        return Prepared(unit, hessian, path)

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Remove all but ``k``; the updates together are one least squares."""
        check_width(state.unit, k)
        kept = np.sort(state.path[:k])
        with one_thread():
            solved = np.linalg.solve(state.hessian[np.ix_(kept, kept)], state.hessian[kept])
        mix = np.array(solved.T, dtype=np.float64)
        mix[kept] = np.eye(k)
        return Reduction(incoming=state.unit.incoming[kept], mix=mix, kept=kept)


def removals(hessian: Array, energy: Array) -> IntArray:
    """All channels in the order of their removal; O(n²) per step.

    Args:
        hessian: H ``[n, n]``.
        energy: Gram matrix ``[n, n]`` of the channels' outgoing weights, over all taps.
    """
    inverse, energy = np.linalg.inv(hessian), energy.copy()
    n = len(hessian)
    removed = np.empty(n, dtype=np.int64)
    alive = np.ones(n, dtype=bool)
    for step in range(n):
        pivots = np.diag(inverse)
        loss = np.divide(np.diag(energy), pivots, out=np.full(n, np.inf), where=alive)
        q = removed[step] = int(np.argmin(loss))
        alive[q] = False
        column = inverse[:, q].copy()
        update = column / column[q]
        # C ← (I − update·e_qᵀ)·C on the channels, so that C_q becomes 0.
        energy -= update[:, None] * energy[q]
        energy -= energy[:, q, None] * update
        inverse -= update[:, None] * column
    return removed


def noise_gram(unit: Unit, samples: int, rng: np.random.Generator) -> Array:
    """``Σ h·hᵀ [n, n]`` of what consumers read for standard normal inputs of the unit."""
    gram = np.zeros((unit.neurons, unit.neurons))
    for start in range(0, samples, _CHUNK):
        rows = _noisy(unit, unit.depthwise, min(_CHUNK, samples - start), rng)
        gram += rows.T @ rows
    return gram


def _noisy(
    unit: Unit, stages: tuple[Depthwise, ...], count: int, rng: np.random.Generator
) -> Array:
    """Activations ``[count, n]`` after ``stages``; each tap of a stage has noise of its own."""
    if not stages:
        inputs = rng.normal(size=(count, unit.incoming.shape[1] - 1))
        hidden = inputs @ unit.incoming[:, :-1].T + unit.incoming[:, -1]
        return np.clip(hidden, 0.0, unit.cap)
    last = stages[-1].incoming
    taps = last.shape[1] - 1
    before = _noisy(unit, stages[:-1], count * taps, rng).reshape(count, taps, unit.neurons)
    after = np.einsum("btn,nt->bn", before, last[:, :-1]) + last[:, -1]
    cap = stages[-1].cap
    return after if cap is None else np.clip(after, 0.0, cap)
