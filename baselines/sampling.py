"""Neurons sampled by a score, in three ways; columns reweighted so that sums keep their mean.

``with_replacement`` draws with probability proportional to the score until k distinct neurons are
hit (Mussay et al., ICLR 2020); a column is multiplied by ``c_p/(N·prob(p))``, c_p of N draws. For
a fixed N the layer's output is unbiased at every input; stopping at k makes it biased (``wr`` of
relatives.md, B.8). ``fixed_size`` keeps exactly k, neuron p with probability ``min(1, λ·s_p)``, its
column divided by that: unbiased (``pips``). ``top`` keeps the k of largest score as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tropnnc.errors import check_choice
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, check_width, select, select_largest
from tropnnc.unit import Array, IntArray, Tier, Unit

Sampler = Literal["with_replacement", "fixed_size", "top"]
SAMPLERS: tuple[Sampler, ...] = ("with_replacement", "fixed_size", "top")

# Neurons below this share of the greatest score are not worth waiting for.
_SILENT = 1e-12
# An inclusion probability so close to 1 is 1: a systematic draw must not hit a neuron twice.
_CERTAIN = 1 - 1e-9


@dataclass(frozen=True)
class Prepared:
    """A unit, the probability of each neuron ``[n]`` and the seed of the draws."""

    unit: Unit
    probability: Array
    seed: int


@dataclass(frozen=True)
class Sampled:
    """A sample of a unit's neurons.

    Attributes:
        score: of every neuron ``[n]``, at least 0.
        sampler: ``with_replacement``, ``fixed_size`` or ``top``.
        version: bumped by hand whenever results change.
    """

    score: Callable[[Unit], Array]
    sampler: Sampler = "with_replacement"
    version: int = 1

    needs = Tier.WEIGHTS
    order: Order = "sequential"

    def __post_init__(self) -> None:
        check_choice("sampler", self.sampler, SAMPLERS)

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Prepared:
        """Scores, normalised."""
        scores = self.score(unit)
        scores[scores <= _SILENT * scores.max()] = 0.0
        total = scores.sum()
        share = scores / total if total else scores
        return Prepared(unit, share, int(rng.integers(2**31)))

    def reduce(self, state: Prepared, k: int) -> Reduction:
        """Keep ``k`` neurons; silent ones fill what cannot be drawn."""
        unit, probability = state.unit, state.probability
        check_width(unit, k)
        if k == unit.neurons:
            return select(unit, np.arange(k))
        if self.sampler == "top":
            return select_largest(unit, probability, k)
        rng = np.random.default_rng((state.seed, k))
        audible = min(k, int(np.count_nonzero(probability)))
        draw = repeated if self.sampler == "with_replacement" else systematic
        factor = draw(probability, audible, rng)
        factor[np.flatnonzero(probability == 0)[: k - audible]] = 1.0
        kept = np.flatnonzero(factor)
        return select(unit, kept, factor[kept])


def repeated(probability: Array, k: int, rng: np.random.Generator) -> Array:
    """Factors ``[n]`` of the columns after draws with replacement, 0 of those not hit."""
    counts = drawn(probability, k, rng)
    expected = counts.sum() * probability
    return np.divide(counts, expected, out=np.zeros(len(counts)), where=counts > 0)


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


def systematic(probability: Array, k: int, rng: np.random.Generator) -> Array:
    """Factors ``1/π [n]`` of exactly ``k`` neurons, 0 of the others.

    On a random permutation of those that are not certain, every unit step of their accumulated π
    takes one, from a random start.
    """
    chance = inclusion(probability, k)
    chosen = chance >= _CERTAIN
    rest = rng.permutation(np.flatnonzero(~chosen))
    places = rng.random() + np.arange(k - np.count_nonzero(chosen))
    ends = np.cumsum(chance[rest])
    chosen[rest[np.searchsorted(ends[:-1], places, side="right")]] = True
    return np.divide(1.0, chance, out=np.zeros(len(chance)), where=chosen)


def inclusion(scores: Array, k: int) -> Array:
    """``π_p = min(1, λ·s_p) [n]`` with ``Σ π = k``, of which at most as many as are above 0."""
    descending = np.sort(scores)[::-1]
    tails = np.cumsum(descending[::-1])[::-1]
    # So many are certain: the first whose share of what is left to be drawn is at most 1.
    certain = int(np.argmax((k - np.arange(len(scores))) * descending <= tails))
    rate = (k - certain) / tails[certain] if k else 0.0
    return np.minimum(1.0, rate * scores)
