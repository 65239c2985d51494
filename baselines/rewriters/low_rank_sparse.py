"""Low rank plus sparse (after Hawkins et al.): ``W ≈ left·right + S``, positions paid.

The share of the budget that goes to the low rank is chosen per layer by the error, without data,
and reported: where it is 0 this is magnitude pruning, where it is 1 a truncated SVD. Their paper
trains with the factors from the start; this is a reduction after training (relatives.md B.4). A
convolution is the matrix ``[out, in·kh·kw]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.rewriters.alternation import LowRankPlusSparse, alternate
from baselines.rewriters.call import LayerCall, asked, compact, copied
from baselines.rewriters.positions import POSITIONS, affordable, cheapest
from baselines.rewriters.protocol import (
    WORD,
    Budget,
    Layer,
    Parameters,
    Rewritten,
    UnsupportedLayer,
)
from tropnnc.clustering import one_thread
from tropnnc.errors import TropnncError, check_at_least_one, check_choice
from tropnnc.unit import Array

_STARVED = "a budget of {} words holds neither a rank nor an entry of a {} × {} matrix"


@dataclass(frozen=True, eq=False)
class _Candidate:
    """One share of the scan and what it gave."""

    share: float
    form: str
    split: LowRankPlusSparse


@dataclass(frozen=True)
class LowRankSparse:
    """The alternation at every share of the budget; the smallest error is kept.

    Attributes:
        shares: of the budget for the low rank, at most 1; ranks are rounded down and S gets what
            is left, but nothing at 1, which is a truncated SVD.
        positions: how S says where it is; ``cheapest`` is what holds the most entries.
        sweeps: at most, of the alternation.
        tolerance: it ends when the error falls by less than this share of itself.
    """

    shares: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    positions: Literal["cheapest", "entry", "csr", "bitmap"] = "cheapest"
    sweeps: int = 15
    tolerance: float = 1e-4

    version = 1

    def __post_init__(self) -> None:
        check_choice("positions", self.positions, ("cheapest", *POSITIONS))
        check_at_least_one("sweeps", self.sweeps)
        if not self.shares or not all(0 <= share <= 1 for share in self.shares):
            raise TropnncError(f"shares = {list(self.shares)}: accepted are some from 0 to 1")

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """``layer`` as three tensors and the gaps between positions.

        Raises:
            UnsupportedLayer: a grouped convolution, or a budget below one rank and one entry.
        """
        count = asked(budget, Parameters).count
        call = LayerCall.of(layer)
        if call.convolution is not None and call.convolution.groups > 1:
            raise UnsupportedLayer("a grouped convolution is several matrices, not one")
        weight = layer.weight.detach().cpu().double().flatten(1).numpy()
        with one_thread():
            tried = [self._tried(weight, count, share) for share in self.shares]
        best = min(tried, key=lambda candidate: candidate.split.errors[-1])
        if not best.split.left.size and not len(best.split.positions):
            raise UnsupportedLayer(_STARVED.format(count, *weight.shape))
        bits, facts = _account(best, weight)
        return Rewritten(LowRankSparseLayer(layer, call, best.split), bits, facts)

    def _tried(self, weight: Array, count: int, share: float) -> _Candidate:
        rows, columns = weight.shape
        rank = min(int(share * max(count, 0) / (rows + columns)), rows, columns)
        left = WORD * (count - rank * (rows + columns))
        form = cheapest(left, rows, columns) if self.positions == "cheapest" else self.positions
        entries = affordable(left, rows, columns, form) if share < 1 else 0
        split = alternate(weight, rank, entries, self.sweeps, self.tolerance)
        return _Candidate(share, form, split)


def _account(best: _Candidate, weight: Array) -> tuple[int, dict[str, object]]:
    """Bits, and the facts of a record; multiply-adds are those of one output position."""
    rows, columns = weight.shape
    rank, entries = best.split.left.shape[1], len(best.split.positions)
    bits = WORD * (rank * (rows + columns) + entries)
    bits += POSITIONS[best.form](rows, columns, entries)
    norm = float(np.linalg.norm(weight))
    return bits, {
        "share": best.share,
        "rank": rank,
        "nonzeros": entries,
        "positions": best.form,
        "relative_error": best.split.errors[-1] / norm if norm else 0.0,
        "formal_macs": rank * (rows + columns) + entries,
        # S is executed as a dense product: torch has no faster one at these shares of zeros.
        "executed_macs": rank * (rows + columns) + rows * columns * (entries > 0),
    }


class LowRankSparseLayer(nn.Module):
    """L as two products, S as a dense layer with zeros: it stores less and executes more.

    State: ``left [m, r]``, ``right [r, n]``, ``values [k, 1]`` (codecs leave vectors of floats as
    they are), ``gaps [k]`` (differences of the sorted flat positions, the first from 0), ``bias``.
    """

    def __init__(self, layer: Layer, call: LayerCall, split: LowRankPlusSparse) -> None:
        super().__init__()
        self.call = call
        self.left, self.right, self.values = (
            nn.Parameter(torch.from_numpy(np.ascontiguousarray(part)).to(layer.weight))
            for part in (split.left, split.right, split.values[:, None])
        )
        gaps = compact(np.diff(split.positions, prepend=0))
        self.register_buffer("gaps", gaps.to(layer.weight.device))
        self.gaps: Tensor
        self.bias = copied(layer.bias)

    @property
    def sparse(self) -> Tensor:
        """S in the shape of the layer's weight."""
        flat = self.values.new_zeros(int(np.prod(self.call.shape)))
        return flat.index_put((self.gaps.cumsum(0),), self.values[:, 0]).view(self.call.shape)

    def forward(self, x: Tensor) -> Tensor:
        """As the layer."""
        if not self.left.shape[1]:
            return self.call.apply(x, self.sparse, self.bias)
        basis = self.right.view(-1, *self.call.shape[1:])
        hidden = self.call.apply(x, basis, None)
        if self.call.convolution is None:
            low = F.linear(hidden, self.left, self.bias)
        else:
            low = F.conv2d(hidden, self.left[:, :, None, None], self.bias)
        return low + self.call.apply(x, self.sparse, None) if len(self.values) else low
