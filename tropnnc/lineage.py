"""What became of a layer's channels: which of them, or which combinations, are left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tropnnc.reduction import Reduction
from tropnnc.unit import Array, IntArray, Unit


@dataclass(frozen=True)
class Lineage:
    """Raw outputs (before batch norm) of the channels that are left, from the dense layer's.

    Attributes:
        kept: their indices ``[k]``, where channels were selected.
        matrix: ``M [k, n]``, where they were merged; with neither, all are left.
        shift: what is added to ``M y``, ``[k]``.
    """

    kept: IntArray | None = None
    matrix: Array | None = None
    shift: Array | None = None

    def of(self, outputs: Tensor) -> Tensor:
        """``[b, n, …]`` to ``[b, k, …]``."""
        left = self.linear(outputs)
        if self.shift is None:
            return left
        return left + torch.from_numpy(self.shift).to(left).reshape(-1, *[1] * (left.ndim - 2))

    def linear(self, outputs: Tensor) -> Tensor:
        """:meth:`of` without the shift: of differences."""
        if self.kept is not None:
            return outputs[:, torch.from_numpy(self.kept)]
        if self.matrix is None:
            return outputs
        return torch.einsum("kn,bn...->bk...", torch.from_numpy(self.matrix).to(outputs), outputs)


def lineage_of(unit: Unit, reduction: Reduction) -> Lineage | None:
    """Of the channels of the unit's producer; None where it is not known.

    A merged channel's filter is the combination of the folded ones, and before a batch norm it has
    no bias, see :mod:`tropnnc.surgery.batchnorm`.
    """
    if reduction.kept is not None:
        return Lineage(kept=reduction.kept)
    if reduction.combination is None or reduction.batch_norm is not None:
        return None
    if unit.batch_norm is None:
        return Lineage(matrix=reduction.combination, shift=np.zeros(reduction.width))
    matrix = reduction.combination * unit.batch_norm.scale
    return Lineage(matrix=matrix, shift=-matrix @ unit.filter_bias)
