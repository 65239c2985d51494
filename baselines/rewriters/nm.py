"""N:M sparsity: at most N nonzeros in every M consecutive weights (relatives.md A3).

Zhou et al., ICLR 2021. Stored: the N values of a group in their order, and which of the C(M, N)
patterns they stand in. With ``axis="channel"`` groups run along the input channels of one tap
(NHWC, as hardware wants it), with ``"flat"`` along ``[in, kh, kw]`` as it lies in memory; for a
linear layer both run along the inputs. Groups never straddle filters: such layers are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import torch
from torch import Tensor, nn

from baselines.rewriters.call import LayerCall, asked, copied
from baselines.rewriters.grouping import Axis, Grouping, kept, pattern_codes, patterns
from baselines.rewriters.protocol import (
    WORD,
    Budget,
    Layer,
    Pattern,
    Rewritten,
    UnsupportedLayer,
)
from baselines.rewriters.sr_ste import sparse_refined
from tropnnc.errors import TropnncError, check_choice

LARGEST_GROUP = 16  # C(16, 8) = 12,870 patterns


@dataclass(frozen=True)
class Nm:
    """N:M by magnitude.

    Attributes:
        axis: along which groups run.
        decay: λ of SR-STE in the learner of what is returned; 0 is plain straight-through.
    """

    axis: Axis = "channel"
    decay: float = 2e-4

    version = 2

    def __post_init__(self) -> None:
        check_choice("axis", self.axis, ("channel", "flat"))
        if not self.decay >= 0:
            raise TropnncError(f"decay = {self.decay} is out of range, accepted are 0 and more")

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """``layer`` as values and patterns.

        Raises:
            UnsupportedLayer: groups would straddle filters.
            TropnncError: no N:M with 1 ≤ N ≤ M ≤ 16.
        """
        count, group = (pattern := asked(budget, Pattern)).kept, pattern.group
        if not 1 <= count <= group <= LARGEST_GROUP:
            raise TropnncError(f"{count}:{group}: accepted is 1 ≤ N ≤ M ≤ {LARGEST_GROUP}")
        call = LayerCall.of(layer)
        grouping = Grouping(call.shape, group, self.axis)
        if grouping.straddles:
            raise UnsupportedLayer(f"groups of {group} ({self.axis}) straddle {call.shape}")
        weight, bias = layer.weight.detach(), layer.bias
        module = NmLayer(call, grouping, count, weight, bias, self.decay)
        groups, index = len(module.pattern), (comb(group, count) - 1).bit_length()
        bits = groups * (WORD * count + index)
        facts = {
            "pattern": f"{count}:{group}", "axis": self.axis, "decay": self.decay,
            "nonzeros": groups * count, "pattern_bits": index,
        }  # fmt: skip
        return Rewritten(module, bits, facts)


class NmLayer(nn.Module):
    """The stored form: ``values [groups, N]``, ``pattern [groups]``, ``bias``.

    Its own parameters train with the pattern fixed. The dense weight that it was made from is
    kept beside the state, unstored, because a learner starts from it.
    """

    def __init__(
        self,
        call: LayerCall,
        grouping: Grouping,
        count: int,
        weight: Tensor,
        bias: Tensor | None,
        decay: float,
    ) -> None:
        super().__init__()
        self.call, self.grouping, self.count, self.decay = call, grouping, count, decay
        groups = grouping.cut(weight)
        mask = kept(groups, count)
        self.values = nn.Parameter(groups[mask].reshape(-1, count))
        self.register_buffer("pattern", pattern_codes(mask, count))
        table = patterns(count, grouping.group).to(weight.device)
        self.register_buffer("table", table, persistent=False)
        self.register_buffer("origin", weight.clone(), persistent=False)
        self.pattern: Tensor
        self.table: Tensor
        self.origin: Tensor
        self.bias = copied(bias)

    @property
    def weight(self) -> Tensor:
        """With its zeros, in the shape of the layer's."""
        where = self.table[self.pattern.long()]
        groups = self.values.new_zeros(len(where), self.grouping.group)
        return self.grouping.joined(groups.scatter(1, where, self.values))

    def forward(self, x: Tensor) -> Tensor:
        """As the layer; multiply-adds with zeros are executed."""
        return self.call.apply(x, self.weight, self.bias)

    def learner(self) -> NmLearner:
        """Dense weights in training: what is stored, and between it the weights of before.

        Where the pattern is no longer that of those weights, zeros are between it.
        """
        groups = self.grouping.cut(self.origin)
        mask = kept(groups, self.count)
        if not torch.equal(pattern_codes(mask, self.count), self.pattern):
            return NmLearner(self, self.weight)
        stored = self.grouping.cut(self.weight)
        return NmLearner(self, self.grouping.joined(torch.where(mask, stored, groups)))


class NmLearner(nn.Module):
    """Dense ``weight`` whose forward pass is pruned, by a mask of its own at every step."""

    def __init__(self, stored: NmLayer, start: Tensor) -> None:
        super().__init__()
        self.call, self.grouping = stored.call, stored.grouping
        self.count, self.decay = stored.count, stored.decay
        self.weight = nn.Parameter(start.detach().clone())
        self.bias = copied(stored.bias)

    def mask(self) -> Tensor:
        """What is kept now, in the shape of the weight."""
        groups = self.grouping.cut(self.weight.detach())
        return self.grouping.joined(kept(groups, self.count))

    def forward(self, x: Tensor) -> Tensor:
        """As the stored form of the present weights."""
        weight = sparse_refined(self.weight, self.mask(), self.decay)
        return self.call.apply(x, weight, self.bias)

    def settled(self) -> NmLayer:
        """The stored form of the present weights."""
        weight = self.weight.detach()
        return NmLayer(self.call, self.grouping, self.count, weight, self.bias, self.decay)
