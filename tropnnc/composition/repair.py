"""Analytic repair of the batch norms that read a reduced unit (theory.md, section 5).

Reduced units lose variance and shift in mean; behind them stands a batch norm with the statistics
of the dense network. Its running variance v times f and its running mean plus δ would put that
right. What is written instead is the same function with the statistics left as they are: with
``s = √((v + eps)/(f v + eps))`` the consumer's output y becomes ``s y + μ − s(μ + δ)``, whose mean
and variance are again the μ and v that the file states.

The mean shift is DFQ's bias correction (Nagel et al., 2019), the variance has Fold-AR's aim.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tropnnc.clustering import one_thread
from tropnnc.composition.moments import Moments
from tropnnc.protocols import Networks
from tropnnc.reduction import Reduction
from tropnnc.surgery.write import mixed
from tropnnc.unit import Array, Consumer, Tier, Unit

_LIMITS = (0.05, 1.5)


@dataclass(frozen=True)
class Unrepaired:
    """Leave the consumers' outputs."""

    needs = Tier.WEIGHTS
    version = 1

    def fit(self, unit: Unit, moments: Moments, reduction: Reduction) -> Reduction:
        """Leave them."""
        return reduction

    def finish(self, networks: Networks) -> None:
        """Leave the network."""


@dataclass(frozen=True)
class Analytic:
    """Mean and variance of every consumer's outputs from the moments of what it reads.

    The places of a patch count as uncorrelated. Only a consumer that is shown with a batch norm is
    scaled; any other gets the mean shift alone.
    """

    needs = Tier.WEIGHTS
    version = 1

    def fit(self, unit: Unit, moments: Moments, reduction: Reduction) -> Reduction:
        """``reduction`` with ``row_scale`` and ``offset``; an offset it has is replaced."""
        joint = moments.joint(reduction)
        scales, offsets = [], []
        for index, consumer in enumerate(unit.consumers):
            new = _outgoing(consumer, reduction, index)
            before = _statistics(consumer.outgoing, moments.gram, moments.mean)
            after = _statistics(new, joint.inner, joint.mean)
            shift = after[0] - before[0]
            scale = _scale(consumer, before[1], after[1])
            norm = consumer.batch_norm
            mean = 0.0 if norm is None else norm.running_mean
            scales.append(scale)
            offsets.append(mean - scale * (mean + shift))
        scaled = any(consumer.batch_norm is not None for consumer in unit.consumers)
        row_scale = tuple(scales) if scaled else None
        return replace(reduction, row_scale=row_scale, offset=tuple(offsets))

    def finish(self, networks: Networks) -> None:
        """Every unit is repaired by then."""


def _outgoing(consumer: Consumer, reduction: Reduction, index: int) -> Array:
    """The consumer's weights ``[m, k, taps]`` on what remains."""
    if reduction.outgoing is not None:
        return reduction.outgoing[index]
    assert reduction.mix is not None
    return mixed(consumer.outgoing, reduction.mix)


def _statistics(outgoing: Array, gram: Array, mean: Array) -> tuple[Array, Array]:
    """Mean and variance ``[m]`` of ``Σ_p C_:p h(p)``."""
    covariance = gram - np.outer(mean, mean)
    rows = outgoing.transpose(0, 2, 1)  # [m, taps, n]
    with one_thread():
        variance = np.vecdot(rows @ covariance, rows).sum(axis=1)
        return rows.sum(axis=1) @ mean, np.maximum(variance, 0)


def _scale(consumer: Consumer, before: Array, after: Array) -> Array:
    """``s [m]``, 1 without batch norm.

    Where the batch norm reads other neurons too (a concatenation), their share of the variance is
    what the file's running variance leaves over.
    """
    norm = consumer.batch_norm
    if norm is None:
        return np.ones(len(before))
    if consumer.shared:
        others = np.maximum(norm.running_var - before, 0)
        before, after = before + others, after + others
    factor = np.divide(after, before, out=np.ones_like(before), where=before > 0)
    factor = np.clip(factor, *_LIMITS)
    return np.sqrt((norm.running_var + norm.eps) / (factor * norm.running_var + norm.eps))
