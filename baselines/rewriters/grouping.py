"""Groups of consecutive weights, and which of a group's patterns its nonzeros stand in."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import prod
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from baselines.rewriters.call import compact

Axis = Literal["channel", "flat"]


@dataclass(frozen=True)
class Grouping:
    """How a weight of ``shape`` is cut into groups of ``group``."""

    shape: tuple[int, ...]
    group: int
    axis: Axis

    def cut(self, weight: Tensor) -> Tensor:
        """``[groups, M]`` of ``[out, in]`` or ``[out, in, kh, kw]``."""
        if self._along_channels:
            weight = weight.permute(0, 2, 3, 1)
        return weight.reshape(-1, self.group)

    def joined(self, groups: Tensor) -> Tensor:
        """The inverse of :meth:`cut`."""
        if not self._along_channels:
            return groups.reshape(self.shape)
        out, channels, *taps = self.shape
        return groups.reshape(out, *taps, channels).permute(0, 3, 1, 2)

    @property
    def _along_channels(self) -> bool:
        return self.axis == "channel" and len(self.shape) > 2

    @property
    def straddles(self) -> bool:
        """Whether a group would hold weights of two filters, or of two taps."""
        length = self.shape[1] if self._along_channels else prod(self.shape[1:])
        return length % self.group != 0


def kept(groups: Tensor, count: int) -> Tensor:
    """Mask of the ``count`` largest magnitudes of every group ``[groups, M]``.

    Of equal magnitudes the lower index goes first.
    """
    order = groups.abs().argsort(dim=1, stable=True)
    mask = torch.zeros_like(groups, dtype=torch.bool)
    return mask.scatter_(1, order[:, groups.shape[1] - count :], True)


def patterns(count: int, group: int) -> Tensor:
    """Positions of every pattern in lexicographic order, int64 ``[C(M, N), N]``."""
    return torch.tensor(list(combinations(range(group), count)))


def pattern_codes(mask: Tensor, count: int) -> Tensor:
    """The number of each group's pattern in :func:`patterns`, looked up by its bits."""
    group = mask.shape[1]
    weights = 1 << np.arange(group)
    numbers = weights[patterns(count, group).numpy()].sum(axis=1)
    codes = np.zeros(1 << group, dtype=np.int64)
    codes[numbers] = np.arange(len(numbers))
    return compact(codes[mask.cpu().numpy() @ weights]).to(mask.device)
