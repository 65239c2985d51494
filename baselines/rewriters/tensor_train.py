"""Tensor train of a layer: matrices split or merged, kernels as a chain or tensorised."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

from torch import Tensor, nn

from baselines.rewriters import modes
from baselines.rewriters.accepted import check_layer, words
from baselines.rewriters.contracted import Contracted
from baselines.rewriters.execution import stored
from baselines.rewriters.layouts import chain_conv, merged_linear, split_linear, tensorised_conv
from baselines.rewriters.protocol import Budget, Layer, Rewritten
from baselines.rewriters.ranks import Ranks, select_ranks
from baselines.rewriters.trains import balanced, clip_train, cut_spectra, train_parameters, tt_svd
from tropnnc.errors import TropnncError, check_choice

Order = Literal["split", "merged"]


@dataclass(frozen=True)
class TensorTrain:
    """TT-SVD at ranks of one threshold, relatives.md B.1.

    Attributes:
        order: ``split``: a matrix as (o₁, …, o_p, i₁, …, i_p), a kernel as the chain (C, kh, kw, O)
            of four convolutions; ``merged``: (m₁n₁, …, m_p n_p) and (kh·kw, c₁o₁, …, c_p o_p).
        parts: p, factors of every number of rows, columns or channels.
        shapes: factors of numbers that are not to be balanced, by their product.
    """

    order: Order = "split"
    parts: int = 2
    shapes: Mapping[int, Sequence[int]] = field(default_factory=dict)
    version = 1

    def __post_init__(self) -> None:
        check_choice("order", self.order, ("split", "merged"))
        if self.parts < 2:
            raise TropnncError(f"parts = {self.parts} is out of range, accepted are 2 and more")
        modes.check_shapes(self.shapes)

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """The train of the largest ranks within ``budget``.

        Raises:
            UnsupportedLayer: ranks of one do not fit, or a grouped or oddly padded convolution.
        """
        check_layer(layer)
        tensor, module = self._laid_out(layer)
        ranks = train_ranks(tensor, words(budget))
        cores = [core.to(layer.weight) for core in balanced(tt_svd(tensor, ranks))]
        return stored(layer, module(cores), ranks=list(ranks), modes=list(tensor.shape))

    def factors(self, size: int) -> tuple[int, ...]:
        """Of a number of rows, columns or channels."""
        return tuple(self.shapes.get(size, modes.factors(size, self.parts)))

    def _laid_out(self, layer: Layer) -> tuple[Tensor, Callable[[Sequence[Tensor]], Contracted]]:
        """The weight as a tensor, and what makes a module of its cores."""
        shape = tuple(layer.weight.shape)
        if isinstance(layer, nn.Conv2d) and self.order == "split":
            tensor = modes.chain(shape).tensor(layer.weight)
            between = [k for k in layer.kernel_size if k > 1]
            return tensor.reshape(shape[1], *between, shape[0]), partial(chain_conv, layer)
        rows, columns = self.factors(shape[0]), self.factors(shape[1])
        if isinstance(layer, nn.Conv2d):
            tensor = modes.tensorised(shape, rows, columns).tensor(layer.weight)
            return tensor, partial(tensorised_conv, layer, rows=rows, columns=columns)
        if self.order == "split":
            tensor = modes.split(rows, columns).tensor(layer.weight)
            return tensor, partial(split_linear, layer, rows=len(rows))
        tensor = modes.merged(rows, columns).tensor(layer.weight)
        return tensor, partial(merged_linear, layer, rows=rows, columns=columns)


def train_ranks(tensor: Tensor, budget: int) -> Ranks:
    """Of the train of ``tensor`` with at most ``budget`` parameters.

    Raises:
        UnsupportedLayer: ranks of one do not fit.
    """
    shape = tuple(tensor.shape)
    return select_ranks(
        cut_spectra(tensor),
        lambda ranks: train_parameters(shape, ranks),
        budget,
        lambda ranks: clip_train(shape, ranks),
    )
