"""Truncated SVD of a layer: of a kernel between its channels, or between its two directions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from baselines.rewriters.accepted import check_layer, words
from baselines.rewriters.contracted import ContractedConv, ContractedLinear, Network
from baselines.rewriters.execution import stored
from baselines.rewriters.geometry import POINT, Geometry
from baselines.rewriters.protocol import Budget, Layer, Rewritten
from baselines.rewriters.ranks import select_ranks


@dataclass(frozen=True)
class SvdChannel:
    """A kernel as O × (C·kh·kw): a convolution to r channels, then a 1 × 1; a Linear as it is."""

    version = 1

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """The best approximation of the largest rank r with r(O + C·kh·kw) ≤ ``budget``.

        Raises:
            UnsupportedLayer: rank 1 does not fit, or a grouped or oddly padded convolution.
        """
        return _rewritten(layer, words(budget), _by_channels)


@dataclass(frozen=True)
class SvdSpatial:
    """A kernel as (C·kh) × (kw·O): a kh × 1, then a 1 × kw convolution; a Linear as it is."""

    version = 1

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """The best approximation of the largest rank r with r(C·kh + kw·O) ≤ ``budget``.

        Raises: as :class:`SvdChannel`.
        """
        return _rewritten(layer, words(budget), _by_directions)


def truncated(matrix: Tensor, budget: int) -> tuple[Tensor, Tensor]:
    """Factors (m, r) and (r, n) of equal norms of the best rank-r approximation, in its dtype.

    Args:
        matrix: of shape (m, n).
        budget: entries of both factors at most.

    Raises:
        UnsupportedLayer: rank 1 does not fit.
    """
    left, values, right = torch.linalg.svd(matrix.detach().double(), full_matrices=False)
    [rank] = select_ranks([values], lambda ranks: ranks[0] * sum(matrix.shape), budget)
    root = values[:rank].sqrt()
    factors = left[:, :rank] * root, root[:, None] * right[:rank]
    return factors[0].to(matrix.dtype), factors[1].to(matrix.dtype)


def _rewritten(
    layer: Layer, budget: int, convolution: Callable[[nn.Conv2d, int], ContractedConv]
) -> Rewritten:
    check_layer(layer)
    if isinstance(layer, nn.Conv2d):
        module = convolution(layer, budget)
    else:
        left, right = truncated(layer.weight, budget)
        module = ContractedLinear((right, left), Network(("ri", "or"), "o", "i"), layer.bias)
    return stored(layer, module, ranks=[len(module.cores[0])])


def _by_channels(layer: nn.Conv2d, budget: int) -> ContractedConv:
    left, right = truncated(layer.weight.flatten(1), budget)
    cores = right.reshape(-1, *layer.weight.shape[1:]), left[:, :, None, None]
    network, whole = Network(("rchw", "orxy"), "o", "chw"), Geometry.of(layer)
    return ContractedConv(cores, network, layer.bias, layer.weight.shape, whole, (whole, POINT))


def _by_directions(layer: nn.Conv2d, budget: int) -> ContractedConv:
    outputs, channels, height, width = layer.weight.shape
    matrix = layer.weight.permute(1, 2, 3, 0).reshape(channels * height, width * outputs)
    left, right = truncated(matrix, budget)
    cores = (
        left.T.reshape(-1, channels, height, 1),
        right.reshape(-1, 1, width, outputs).permute(3, 0, 1, 2),
    )
    network, whole = Network(("rchx", "oryw"), "o", "chw"), Geometry.of(layer)
    stages = (whole.vertical, whole.horizontal)
    return ContractedConv(cores, network, layer.bias, layer.weight.shape, whole, stages)
