"""The ranks of a layer's format: one threshold over the singular values of all its cuts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from baselines.rewriters.protocol import UnsupportedLayer

Ranks = tuple[int, ...]


def select_ranks(
    spectra: Sequence[Tensor],
    count: Callable[[Ranks], int],
    budget: int,
    clip: Callable[[Ranks], Ranks] | None = None,
) -> Ranks:
    """The ranks of the smallest threshold whose format fits, relatives.md B.0.

    A cut's rank is its number of singular values at or above the threshold, and 1 at least; the
    threshold is bisected over all of them. ``count`` must not fall where a rank rises.

    Args:
        spectra: singular values of every cut, in any order.
        count: parameters of a format of such ranks, which were clipped.
        budget: parameters at most.
        clip: ranks that a format of these can use; they may only get smaller.

    Raises:
        UnsupportedLayer: ranks of one do not fit.
    """
    clip = clip or (lambda ranks: ranks)
    thresholds = torch.cat([torch.tensor([torch.inf]), *(s.cpu() for s in spectra)])
    thresholds = thresholds.unique().flip(0).tolist()
    ascending = [s.sort().values.cpu() for s in spectra]

    def ranks(position: int) -> Ranks:
        return clip(tuple(_at_least(s, thresholds[position]) for s in ascending))

    if count(ranks(0)) > budget:
        raise UnsupportedLayer(
            f"ranks of one take {count(ranks(0)):,} parameters, the budget is {budget:,}"
        )
    low, high = 0, len(thresholds)  # low fits, high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(ranks(middle)) <= budget else (low, middle)
    return ranks(low)


def _at_least(ascending: Tensor, threshold: float) -> int:
    below = int(torch.searchsorted(ascending, threshold))
    return max(1, len(ascending) - below)


def tails(spectrum: Tensor, rank: int) -> float:
    """Sum of the squares of the singular values that a cut of ``rank`` leaves out."""
    return float(spectrum.sort(descending=True).values[rank:].double().square().sum())
