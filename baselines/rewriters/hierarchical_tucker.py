"""Hierarchical Tucker weights after Wu et al., relatives.md B.2."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from torch import nn

from baselines.rewriters import htucker, modes
from baselines.rewriters.accepted import check_layer, words
from baselines.rewriters.execution import stored
from baselines.rewriters.geometry import Geometry
from baselines.rewriters.hierarchical_layers import HierarchicalConv, contracted
from baselines.rewriters.htucker import HTucker, Node, Spectra
from baselines.rewriters.protocol import Budget, Layer, Rewritten
from baselines.rewriters.ranks import select_ranks
from tropnnc.errors import check_choice

Order = Literal["split", "merged"]


@dataclass(frozen=True)
class HierarchicalTucker:
    """A balanced tree over the weight's modes, ranks by one threshold over its distinct cuts.

    A Linear is executed in the cheapest order of contraction, a kernel in split order as four
    convolutions and in merged order rebuilt.

    Attributes:
        order: ``split``, a matrix as (o₁, o₂, i₁, i₂) and a kernel as (C, kh, kw, O); or
            ``merged``, (m₁n₁, …, m_d n_d) and (kh·kw, c₁o₁, …).
        pairs: d of the merged order of a matrix; a kernel has one pair fewer beside kh·kw.
    """

    order: Order = "split"
    pairs: int = 4
    version = 1

    def __post_init__(self) -> None:
        check_choice("order", self.order, ("split", "merged"))

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """The layer in at most ``budget`` parameters; facts have the ranks by node.

        Raises:
            UnsupportedLayer: ranks of one do not fit, or a grouped or oddly padded convolution.
        """
        check_layer(layer)
        arrangement = arranged(layer, self.order, self.pairs)
        tensor = arrangement.tensor(layer.weight.detach())
        spectra = htucker.spectra(tensor, htucker.balanced(tensor.ndim))
        ranks = within(spectra, words(budget))
        tucker = htucker.hierarchical_svd(spectra, ranks)
        named = {" ".join(map(str, node)): rank for node, rank in ranks.items()}
        return stored(layer, self._module(layer, arrangement, tucker), ranks=named)

    def _module(self, layer: Layer, arrangement: modes.Arrangement, tucker: HTucker) -> nn.Module:
        if isinstance(layer, nn.Conv2d) and self.order == "split":
            return HierarchicalConv(tucker, layer.bias, Geometry.of(layer), layer.weight.dtype)
        return contracted(layer, arrangement, tucker)


def arranged(layer: Layer, order: Order, pairs: int) -> modes.Arrangement:
    """The modes of ``layer``'s weight: two a side and (C, kh, kw, O), or merged ``pairs``."""
    shape = layer.weight.shape
    if order == "split":
        return modes.chain(shape) if len(shape) == 4 else modes.split(*_factors(shape, 2))
    if len(shape) == 4:
        return modes.tensorised(shape, *_factors(shape, pairs - 1))
    return modes.merged(*_factors(shape, pairs))


def _factors(shape: tuple[int, ...], parts: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    return modes.factors(shape[0], parts), modes.factors(shape[1], parts)


def within(spectra: Spectra, budget: int) -> Mapping[Node, int]:
    """The ranks of all nodes whose format has at most ``budget`` parameters.

    Raises:
        UnsupportedLayer: ranks of one do not fit.
    """
    tree, sizes, cuts = spectra.tree, spectra.tensor.shape, list(spectra.values)

    def of_nodes(ranks: tuple[int, ...]) -> Mapping[Node, int]:
        return htucker.clip(dict(zip(cuts, ranks, strict=True)), tree, sizes)

    chosen = select_ranks(
        list(spectra.values.values()),
        lambda ranks: htucker.parameters(of_nodes(ranks), tree, sizes),
        budget,
    )
    return of_nodes(chosen)
