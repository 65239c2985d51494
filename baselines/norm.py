"""Norm pruning: keep the filters of largest L1 or L2 norm (Li et al., ICLR 2017)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tropnnc.lazy import unread
from tropnnc.products import row_norms, row_parts
from tropnnc.protocols import Order
from tropnnc.reduction import Reduction, select_largest
from tropnnc.unit import Array, Tier, Unit


@dataclass(frozen=True)
class Norm:
    """Keep the neurons whose incoming weights have the largest norm.

    Attributes:
        p: order of the norm.
        bias: rank on ``[w; b]`` instead of ``w``.
        folded: rank the filter with its batch norm folded in instead of the raw one.
    """

    p: int
    bias: bool
    folded: bool

    needs = Tier.WEIGHTS
    order: Order = "original"
    version = 1

    def prepare(self, unit: Unit, rng: np.random.Generator) -> tuple[Unit, Array]:
        """Score the neurons, ``[n]``."""
        return unit, np.concatenate([row_norms(rows, self.p) for rows in self._scored(unit)])

    def _scored(self, unit: Unit) -> Iterator[Array]:
        """The rows whose norms are the scores, some at a time: all in float64 are twice a layer."""
        filters, incoming = unread(unit, "filters"), unread(unit, "incoming")
        for part in row_parts(incoming):
            if self.folded:
                yield incoming[part] if self.bias else incoming[part][:, :-1]
            elif self.bias:
                yield np.column_stack([filters[part], unit.filter_bias[part]])
            else:
                yield filters[part]

    def reduce(self, state: tuple[Unit, Array], k: int) -> Reduction:
        """Keep the ``k`` of largest score."""
        return select_largest(*state, k)


def l1(bias: bool = False) -> Norm:
    """L1 norm of the raw filter."""
    return Norm(p=1, bias=bias, folded=False)


def l1_folded(bias: bool = False) -> Norm:
    """L1 norm of the filter with its batch norm folded in."""
    return Norm(p=1, bias=bias, folded=True)


def l2(bias: bool = False) -> Norm:
    """L2 norm of the raw filter."""
    return Norm(p=2, bias=bias, folded=False)
