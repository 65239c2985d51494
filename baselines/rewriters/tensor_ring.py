"""Tensor rings of a layer (Wang et al. 2018, arXiv 1802.09052), relatives.md B.3."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal
from zlib import crc32

import torch

from baselines.rewriters import ring
from baselines.rewriters.accepted import check_layer, words
from baselines.rewriters.arranging import Arranging, Order
from baselines.rewriters.execution import stored
from baselines.rewriters.protocol import Budget, Layer, Rewritten
from baselines.rewriters.ring import Cores
from baselines.rewriters.ring_als import largest_norm, swept
from baselines.rewriters.ring_fitting import fitted
from baselines.rewriters.ring_layers import contracted_ring, executed_ring
from baselines.rewriters.trains import balanced
from tropnnc.errors import TropnncError, check_at_least_one, check_choice

# Above it the normal equations of a core take minutes, relatives.md B.7.
_MOST_UNKNOWNS = 1300


@dataclass(frozen=True)
class TensorRing:
    """TR-SVD, then sweeps of least squares.

    Attributes:
        order: ``split``, a matrix as (i₁, …, i_p, o₁, …, o_p) and a kernel as (C, kh·kw, O), cores
            executed in turn; or ``merged``, (m₁n₁, …, m_d n_d) and (kh·kw, c₁o₁, …), contracted in
            the cheapest order, a kernel rebuilt.
        r0: rank on the left of the mode that TR-SVD begins with; 1 is a tensor train.
        first: the mode that TR-SVD begins with: ``best``, of all the one that misses least; or
            ``input``, the first of the order, in the d-th part of the time.
        parts: p or d; None: 2 in split and 3 in merged order.
        shapes: factors of numbers that are not to be balanced, by their product.
        sweeps: of least squares; none where a core has r_{k−1}·r_k above 1,300.
        init: ``svd``; or ``random``, cores of He's variance at the ranks of ``svd``.
        seed: of the random cores, beside the weight itself.
    """

    order: Order = "split"
    r0: int = 2
    first: Literal["best", "input"] = "best"
    parts: int | None = None
    shapes: Mapping[int, Sequence[int]] = field(default_factory=dict)
    sweeps: int = 0
    init: Literal["svd", "random"] = "svd"
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("init", self.init, ("svd", "random"))
        check_choice("first", self.first, ("best", "input"))
        check_at_least_one("r0", self.r0)
        if self.sweeps < 0:
            raise TropnncError(f"sweeps = {self.sweeps} is out of range, accepted are 0 and more")
        self.arranging()

    @property
    def version(self) -> int:
        """Of the results; those of least squares changed once."""
        return 2 if self.sweeps else 1

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """The layer in at most ``budget`` parameters.

        Raises:
            UnsupportedLayer: no ring of ``r0`` fits, or a grouped or oddly padded convolution.
        """
        cores, facts = self.cores(layer, budget)
        if self.order == "split":
            return stored(layer, executed_ring(layer, cores), **facts)
        arrangement = self.arranging().inputs_first(tuple(layer.weight.shape))
        return stored(layer, contracted_ring(layer, arrangement, cores), **facts)

    def arranging(self) -> Arranging:
        """How weights are taken apart."""
        parts = self.parts or (3 if self.order == "merged" else 2)
        return Arranging(self.order, parts, self.shapes)

    def cores(self, layer: Layer, budget: Budget) -> tuple[Cores, Mapping[str, Any]]:
        """The ring of ``layer``'s weight in its dtype, and facts about it.

        Raises:
            UnsupportedLayer: as of :meth:`rewrite`.
        """
        check_layer(layer)
        arrangement = self.arranging().inputs_first(tuple(layer.weight.shape))
        tensor = arrangement.tensor(layer.weight.detach()).double()
        first = range(tensor.ndim if self.first == "best" else 1)
        fit = fitted(tensor, self.r0, words(budget), first)
        ranks = ring.ranks_of(fit.cores)
        if self.init == "random":
            sweeps, cores = 0, self._random(layer, tensor.shape, ranks)
        else:
            sweeps = self.sweeps if _unknowns(ranks) <= _MOST_UNKNOWNS else 0
            cores = swept(tensor, fit.cores, sweeps)
        facts = {
            "ranks": list(ranks),
            "modes": list(tensor.shape),
            "first": fit.first,
            "sweeps": sweeps,
            "core_norm": largest_norm(cores),
        }
        return tuple(core.to(layer.weight) for core in balanced(cores)), facts

    def _random(self, layer: Layer, sizes: Sequence[int], ranks: Sequence[int]) -> Cores:
        """Cores that depend on the seed and on the weight, so that layers of one size differ."""
        weight = layer.weight.detach().cpu()
        generator = torch.Generator().manual_seed(self.seed ^ crc32(weight.numpy().tobytes()))
        return ring.he_ring(sizes, ranks, weight[0].numel(), generator)


def _unknowns(ranks: Sequence[int]) -> int:
    """The largest ``r_{k−1}·r_k``."""
    return max(before * after for before, after in pairwise([*ranks, ranks[0]]))
