"""Data-independent coreset (Mussay et al., ICLR 2020): sample neurons by their sensitivity.

Neuron p, with row ``u_p`` and outgoing column ``v_p``, is drawn with probability proportional to
``s(p) = max_i |v_p[i]|·φ(β‖u_p‖)``, with replacement, until k distinct ones are hit; its row stays,
its column is multiplied by ``c_p/(N·prob(p))``, c_p of N draws. For a fixed N the layer's output is
unbiased at every input of the ball.

The activation bound: ``|φ(u_p·x)| ≤ φ(β‖u_p‖)`` on ``‖(x, 1)‖ ≤ β``. For ReLU β cancels in the
probabilities; it matters where the activation is clipped or passes a depthwise convolution, whose
bound is ``Σ|D|·bound + |b|`` (clipped). Taps and consumers are outputs like any others. The traps
of LBYL's port of this method (bias read from column 1; convolutions rescaled along the wrong axis)
are avoided. At k = n nothing is sampled.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

from tropnnc.errors import TropnncError
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width, select
from tropnnc.unit import Array, IntArray, Tier, Unit

# Neurons below this share of the greatest sensitivity are not worth waiting for.
_SILENT = 1e-12


@dataclass(frozen=True)
class Prepared:
    """A unit, the probability of each neuron ``[n]`` and the seed of the draws."""

    unit: Unit
    probability: Array
    seed: int


@dataclass(frozen=True)
class Coreset:
    """Importance sampling of neurons.

    Attributes:
        radius: β, the norm of the largest input (with the constant 1) that the bound holds for.
    """

    radius: float = 1.0

    needs = Tier.WEIGHTS
    order: Order = "sequential"
    version = 1

    def __post_init__(self) -> None:
        if not 0 < self.radius < inf:
            raise TropnncError(f"radius = {self.radius:g} is out of range; accepted is above 0")

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Sensitivities, normalised."""
        scores = sensitivity(unit, self.radius)
        scores[scores <= _SILENT * scores.max()] = 0.0
        total = scores.sum()
        share = scores / total if total else scores
        return Prepared(unit, share, int(rng.integers(2**31)))

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Draw until ``k`` distinct neurons are hit; silent ones fill what is left."""
        unit = state.unit
        check_width(unit, k)
        if k == unit.neurons:
            return select(unit, np.arange(k))
        rng = np.random.default_rng((state.seed, k))
        counts = drawn(state.probability, min(k, int(np.count_nonzero(state.probability))), rng)
        hit = np.flatnonzero(counts)
        silent = np.flatnonzero(state.probability == 0)[: k - len(hit)]
        kept = np.sort(np.concatenate([hit, silent]))
        expected = counts.sum() * state.probability[kept]
        factor = np.divide(counts[kept], expected, out=np.ones(k), where=expected > 0)
        return select(unit, kept, factor)


def sensitivity(unit: Unit, radius: float) -> Array:
    """``max |v_p|·bound [n]``, the bound of what a consumer sees of neuron p."""
    bound = np.minimum(radius * np.linalg.norm(unit.incoming, axis=1), unit.cap)
    for stage in unit.depthwise:
        weights, bias = np.abs(stage.incoming[:, :-1]), np.abs(stage.incoming[:, -1])
        bound = weights.sum(axis=1) * bound + bias
        bound = bound if stage.cap is None else np.minimum(bound, stage.cap)
    return np.abs(unit.outgoing).max(axis=1) * bound


def drawn(probability: Array, k: int, rng: np.random.Generator) -> IntArray:
    """How often each neuron is drawn until ``k`` distinct ones are hit, ``[n]``.

    Draws at the events of a Poisson process make each neuron's hits a process of its own, of rate
    ``prob(p)``: the law of the counts without the draws, of which a rare neuron takes millions.
    """
    counts = np.zeros(len(probability), dtype=np.int64)
    if k == 0:
        return counts
    alive = np.flatnonzero(probability)
    first = rng.exponential(size=len(alive)) / probability[alive]
    end = np.partition(first, k - 1)[k - 1]
    hit = first <= end
    again = rng.poisson(probability[alive][hit] * (end - first[hit]))
    counts[alive[hit]] = 1 + again
    return counts
