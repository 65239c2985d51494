"""Hierarchical Tucker weights after Wu et al., relatives.md B.2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from torch import nn

from baselines.rewriters import htucker
from baselines.rewriters.accepted import check_layer, words
from baselines.rewriters.arranging import Arranging, Order
from baselines.rewriters.contracted import Contracted
from baselines.rewriters.execution import stored
from baselines.rewriters.geometry import Geometry
from baselines.rewriters.hierarchical_layers import HierarchicalConv, contracted
from baselines.rewriters.htucker import HTucker, Node, Spectra
from baselines.rewriters.modes import Arrangement
from baselines.rewriters.protocol import Budget, Layer, Rewritten
from baselines.rewriters.ranks import select_ranks


@dataclass(frozen=True)
class HierarchicalTucker:
    """A balanced tree over the weight's modes, ranks by one threshold over its distinct cuts.

    A Linear is executed in the cheapest order of contraction, a kernel in split order as four
    convolutions and in merged order rebuilt.

    Attributes:
        order: ``split``, a matrix as (o₁, …, o_p, i₁, …, i_p) and a kernel as (C, kh, kw, O); or
            ``merged``, (m₁n₁, …, m_d n_d) and (kh·kw, c₁o₁, …, c_{d−1} o_{d−1}).
        parts: p or d; None: 2 in split and 4 in merged order.
        shapes: factors of numbers that are not to be balanced, by their product.
    """

    order: Order = "split"
    parts: int | None = None
    shapes: Mapping[int, Sequence[int]] = field(default_factory=dict)
    version = 1

    def __post_init__(self) -> None:
        self._arranging()

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """The layer in at most ``budget`` parameters; facts have the ranks by node.

        Raises:
            UnsupportedLayer: ranks of one do not fit, or a grouped or oddly padded convolution.
        """
        check_layer(layer)
        arrangement = self._arranging().outputs_first(tuple(layer.weight.shape))
        tensor = arrangement.tensor(layer.weight.detach())
        spectra = htucker.spectra(tensor, htucker.balanced(tensor.ndim))
        ranks = within(spectra, words(budget))
        module = self._module(layer, arrangement, htucker.hierarchical_svd(spectra, ranks))
        named = {" ".join(map(str, node)): rank for node, rank in ranks.items()}
        return stored(layer, module, ranks=named, modes=list(tensor.shape))

    def _arranging(self) -> Arranging:
        parts = self.parts or (4 if self.order == "merged" else 2)
        return Arranging(self.order, parts, self.shapes)

    def _module(
        self, layer: Layer, arrangement: Arrangement, tucker: HTucker
    ) -> Contracted | HierarchicalConv:
        if isinstance(layer, nn.Conv2d) and self.order == "split":
            return HierarchicalConv(tucker, layer.bias, Geometry.of(layer), layer.weight.dtype)
        return contracted(layer, arrangement, tucker)


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
