"""Truncated SVD of a layer: of a kernel between its channels, or between its two directions."""

from __future__ import annotations

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
        """The best approximation of the largest rank r with r(m + n) ≤ ``budget``.

        Raises:
            UnsupportedLayer: rank 1 does not fit, or a grouped or oddly padded convolution.
        """
        check_layer(layer)
        if isinstance(layer, nn.Linear):
            return _linear(layer, words(budget))
        left, right = truncated(layer.weight.flatten(1), words(budget))
        cores = right.reshape(-1, *layer.weight.shape[1:]), left[:, :, None, None]
        return _convolution(layer, cores, ("rchw", "orxy"), (Geometry.of(layer), POINT))


@dataclass(frozen=True)
class SvdSpatial:
    """A kernel as (C·kh) × (kw·O): a kh × 1, then a 1 × kw convolution; a Linear as it is."""

    version = 1

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """The best approximation of the largest rank r with r(C·kh + kw·O) ≤ ``budget``.

        Raises:
            UnsupportedLayer: rank 1 does not fit, or a grouped or oddly padded convolution.
        """
        check_layer(layer)
        if isinstance(layer, nn.Linear):
            return _linear(layer, words(budget))
        outputs, channels, height, width = layer.weight.shape
        matrix = layer.weight.permute(1, 2, 3, 0).reshape(channels * height, width * outputs)
        left, right = truncated(matrix, words(budget))
        cores = (
            left.T.reshape(-1, channels, height, 1),
            right.reshape(-1, 1, width, outputs).permute(3, 0, 1, 2),
        )
        whole = Geometry.of(layer)
        return _convolution(layer, cores, ("rchx", "oryw"), (whole.vertical, whole.horizontal))


def truncated(matrix: Tensor, budget: int) -> tuple[Tensor, Tensor]:
    """Factors (m, r) and (r, n) of equal norms of the best rank-r approximation, in float32.

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


def _linear(layer: nn.Linear, budget: int) -> Rewritten:
    left, right = truncated(layer.weight, budget)
    module = ContractedLinear((right, left), Network(("ri", "or"), "o", "i"), layer.bias)
    return stored(layer, module, ranks=[len(right)])


def _convolution(
    layer: nn.Conv2d,
    cores: tuple[Tensor, Tensor],
    letters: tuple[str, str],
    stages: tuple[Geometry, Geometry],
) -> Rewritten:
    network = Network(letters, "o", "chw")
    kernel = tuple(layer.weight.shape)
    module = ContractedConv(cores, network, layer.bias, kernel, Geometry.of(layer), stages)
    return stored(layer, module, ranks=[len(cores[0])])
