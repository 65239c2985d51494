"""The ranks of a layer's format: one threshold over the singular values of all its cuts."""

from __future__ import annotations

from bisect import bisect_right
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

    A cut's rank is its number of singular values above the threshold, and 1 at least; the threshold
    is bisected over all of them, and of equal ones those of earlier cuts come first. ``count`` must
    not fall where a rank rises.

    Args:
        spectra: singular values of every cut, in any order.
        count: parameters of a format of such ranks, which were clipped.
        budget: parameters at most.
        clip: ranks that a format of these can use; they may only get smaller.

    Raises:
        UnsupportedLayer: ranks of one do not fit.
    """
    clip = clip or (lambda ranks: ranks)
    owners = torch.cat([torch.full((len(s),), cut) for cut, s in enumerate(spectra)])
    values = torch.cat([s.detach().cpu().double() for s in spectra])
    owners = owners[values.argsort(descending=True, stable=True)]

    def ranks(kept: int) -> Ranks:
        counts = owners[:kept].bincount(minlength=len(spectra)).tolist()
        return clip(tuple(max(1, rank) for rank in counts))

    if count(ranks(0)) > budget:
        raise UnsupportedLayer(
            f"ranks of one take {count(ranks(0)):,} parameters, the budget is {budget:,}"
        )
    fits = bisect_right(range(len(owners) + 1), budget, key=lambda kept: count(ranks(kept)))
    return ranks(fits - 1)


def tails(spectrum: Tensor, rank: int) -> float:
    """Sum of the squares of the singular values that a cut of ``rank`` leaves out."""
    return float(spectrum.sort(descending=True).values[rank:].double().square().sum())
