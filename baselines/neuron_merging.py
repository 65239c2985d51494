"""Neuron Merging (Kim et al., NeurIPS 2020): a pruned neuron becomes a multiple of a kept one.

Each pruned neuron i is written as ``relu(z_i) ≈ s·relu(z_j)`` with the one kept neuron j most like
it, so that ``C_:j += s·C_:i``. Reductions of inner units only: the paper's rules are per layer.

Two traps of the public code (friendshipkim/neuron-merging, seen) are avoided: it takes the running
*variance* for σ, and it takes the roles of pruned and kept for each other in the batch-norm scale
and bias, so that a kept copy under another batch norm does not make up for its original. Both leave
networks without batch norm alone, whose published figures are met to the last digit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from baselines.criterion import Criterion, check_criterion, compared_rows, importance, keeping
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, largest
from tropnnc.rescaling import check_rescalable
from tropnnc.unit import Array, BatchNorm, IntArray, Tier, Unit


@dataclass(frozen=True)
class Matches:
    """Every pruned neuron against every kept one, each ``[p, k]``.

    Attributes:
        cosine: of their rows.
        scale: ``s``; where it is not positive, the kept neuron is no candidate (ReLU is homogeneous
            for positive factors only).
        score: the least is the best match.
    """

    cosine: Array
    scale: Array
    score: Array


@dataclass(frozen=True)
class NeuronMerging:
    """Keep the most important neurons and merge each other one into one of them.

    Attributes:
        selector: ``l1`` or ``l2`` norm, or ``gm``, distance to the geometric median; of the raw
            filter where there is a batch norm, else of ``[w; b]``.
        linear_threshold: least cosine for a merge after a linear layer; below, the neuron is lost.
        conv_threshold: likewise after a convolution.
        lam: weight of the cosine distance in the score with batch norm, against the bias term.
    """

    selector: Criterion = "l1"
    linear_threshold: float = 0.45
    conv_threshold: float = 0.1
    lam: float = 0.85

    needs = Tier.STATISTICS
    order: Order = "original"
    version = 1

    def __post_init__(self) -> None:
        check_criterion(self.selector)

    def prepare(self, unit: Unit, rng: np.random.Generator) -> tuple[Unit, Array]:
        """Score the neurons, ``[n]``.

        Raises:
            UnsupportedUnit: the unit does not allow its neurons to be rescaled.
        """
        check_rescalable(unit, "neuron merging")
        return unit, importance(compared_rows(unit), self.selector)

    def reduce(self, state: tuple[Unit, Array], k: int) -> Reduction:
        """Keep the ``k`` of largest score and merge the others into them."""
        unit, scores = state
        return keeping(unit, largest(unit, scores, k), partial(self._merged, unit))

    def _merged(self, unit: Unit, pruned: IntArray, kept: IntArray) -> Array:
        """Rows ``[p, k]`` of the mixing matrix: one scale each, or none."""
        matches = match(unit, pruned, kept, self.lam)
        threshold = self.linear_threshold if unit.kind == "linear" else self.conv_threshold
        rows, best = np.arange(len(pruned)), np.argmin(matches.score, axis=1)
        chosen = np.isfinite(matches.score[rows, best]) & (matches.cosine[rows, best] >= threshold)
        merged = np.zeros((len(pruned), len(kept)))
        merged[rows[chosen], best[chosen]] = matches.scale[rows, best][chosen]
        return merged


def match(unit: Unit, pruned: IntArray, kept: IntArray, lam: float) -> Matches:
    """How well each of ``pruned [p]`` is written as a multiple of each of ``kept [k]``."""
    rows = compared_rows(unit)
    norms = np.linalg.norm(rows, axis=1)
    directions = rows / np.where(norms > 0, norms, 1.0)[:, None]
    cosine = directions[pruned] @ directions[kept].T
    alike = _quotient(norms[pruned][:, None], norms[kept][None, :])
    if unit.batch_norm is None:
        usable = np.broadcast_to(norms[kept] > 0, cosine.shape)
        return Matches(cosine, alike, np.where(usable, 1.0 - cosine, np.inf))
    scale, bias = _through(unit.batch_norm, unit.filter_bias, alike, pruned, kept)
    usable = scale > 0
    off = _min_max(_quotient(np.abs(bias), scale), usable)
    score = lam * (1.0 - cosine) + (1.0 - lam) * off
    return Matches(cosine, scale, np.where(usable, score, np.inf))


def _through(
    norm: BatchNorm, filter_bias: Array, alike: Array, pruned: IntArray, kept: IntArray
) -> tuple[Array, Array]:
    """Scale and constant, ``[p, k]``, of ``z_i ≈ s·z_j + c`` where ``a_i ≈ alike·a_j``.

    ``z = (γ/σ)(a·x − μ) + β`` gives ``s = alike·(γ_i/σ_i)/(γ_j/σ_j)`` and ``c = (γ_i/σ_i)·
    (alike·(μ_j − β_j σ_j/γ_j) − μ_i) + β_i``.
    """
    own = norm.scale[pruned][:, None]
    theirs = norm.scale[kept][None, :]
    mean = norm.running_mean - filter_bias
    zero = mean[kept] - _quotient(norm.bias[kept], norm.scale[kept])
    scale = alike * _quotient(own, theirs)
    bias = own * (alike * zero - mean[pruned][:, None]) + norm.bias[pruned][:, None]
    return scale, bias


def _min_max(values: Array, usable: NDArray[np.bool_]) -> Array:
    """Each row stretched to [0, 1] over what is usable in it."""
    low = np.where(usable, values, np.inf).min(axis=1, keepdims=True)
    high = np.where(usable, values, -np.inf).max(axis=1, keepdims=True)
    spread = high - low
    return np.divide(values - low, spread, out=np.zeros_like(values), where=spread > 0)


def _quotient(one: Array, other: Array) -> Array:
    """``one/other``, 0 where ``other`` is 0."""
    shape = np.broadcast_shapes(one.shape, other.shape)
    return np.divide(one, other, out=np.zeros(shape), where=other != 0)
