"""The interval for (B1): distances of a unit's zonotopes, summed over outputs and taps."""

from __future__ import annotations

import numpy as np

from tropnnc.geometry import Interval, hausdorff, positive_negative
from tropnnc.reduction import Reduction
from tropnnc.surgery.write import mixed
from tropnnc.unit import Array, IntArray, Unit

# 785-dimensional zonotopes of 300 generators take 40 ms each.
OUTPUTS = 20


def sampled_outputs(unit: Unit) -> IntArray:
    """At most ``OUTPUTS`` of the consumer's outputs, evenly spaced.

    (B1) is a sum of one inequality per output, so it holds for any set of them.
    """
    [consumer] = unit.consumers
    count = len(consumer.outgoing)
    return np.unique(np.linspace(0, count - 1, min(count, OUTPUTS)).round().astype(np.int64))


def distances(unit: Unit, reduction: Reduction, outputs: IntArray) -> Interval | None:
    """``Σ [H(P_j, P̃_j) + H(Q_j, Q̃_j)]`` over ``outputs`` and all taps.

    None where it bounds nothing: behind a max-pool, for a sum of pools is not the pool of a sum
    (theory.md, section 0); and where the activations are no support functions (ReLU6, depthwise).
    """
    assert reduction.mix is not None
    if not unit.is_homogeneous or any(stage.kind == "max_pool" for stage in unit.between):
        return None
    [consumer] = unit.consumers
    dense = consumer.outgoing[outputs]
    pairs = zip(_columns(dense), _columns(mixed(dense, reduction.mix)), strict=True)
    found = [
        hausdorff(whole, part)
        for row, few in pairs
        for whole, part in zip(
            positive_negative(unit.incoming, row),
            positive_negative(reduction.incoming, few),
            strict=True,
        )
    ]
    return Interval(sum(each.lower for each in found), sum(each.upper for each in found))


def _columns(outgoing: Array) -> Array:
    """Outgoing weights ``[m, n, taps]`` as one row per output and tap, ``[m·taps, n]``."""
    return outgoing.transpose(0, 2, 1).reshape(-1, outgoing.shape[1])
