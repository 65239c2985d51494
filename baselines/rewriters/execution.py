"""What a format executes, and what it says about itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from baselines.rewriters.contracted import Contracted
from baselines.rewriters.hierarchical_layers import HierarchicalConv
from baselines.rewriters.protocol import WORD, Layer, Rewritten
from baselines.rewriters.ring_layers import RingConv, RingLinear
from tropnnc.cost import macs_by_module

Factorised = Contracted | HierarchicalConv | RingLinear | RingConv
ROWS, SIDE = 64, 32  # of the batch, and of the maps, that multiply-adds are compared on


def multiply_adds(module: nn.Module, shape: Sequence[int]) -> int:
    """Executed per sample on an input of ``shape``, the batch first."""
    return macs_by_module(module, torch.empty(tuple(shape), device="meta"))[""]


def macs_ratio(layer: Layer, module: nn.Module, rows: int = ROWS) -> float:
    """Multiply-adds of ``module`` in units of those of ``layer``, on ``rows`` samples.

    A convolution is taken on maps of 32 × 32, or as much as its kernel spans.
    """
    if isinstance(layer, nn.Linear):
        shape = (rows, layer.in_features)
    else:
        spans = [d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True)]
        shape = (rows, layer.in_channels, *(max(SIDE, span) for span in spans))
    return multiply_adds(module, shape) / multiply_adds(layer, shape)


def relative_error(weight: Tensor, rebuilt: Tensor) -> float:
    """``‖W − Ŵ‖/‖W‖`` in Frobenius norm, in float64; of no weight at all 0."""
    exact = weight.detach().double()
    missed = (exact - rebuilt.detach().double()).norm()
    return float(missed / exact.norm()) if missed else 0.0


def stored(layer: Layer, module: Factorised, **facts: Any) -> Rewritten:
    """``module`` in the place of ``layer``: every entry of its cores is a word.

    Facts are those given and ``parameters`` (of the cores), ``relative_error``, ``macs_ratio``
    and ``storage_only``: that it executes no fewer than the dense layer does.
    """
    parameters = sum(core.numel() for core in module.cores)
    ratio = macs_ratio(layer, module)
    common: Mapping[str, Any] = {
        "parameters": parameters,
        "relative_error": relative_error(layer.weight, module.rebuilt()),
        "macs_ratio": ratio,
        "storage_only": ratio >= 1,
    }
    return Rewritten(module, WORD * parameters, {**facts, **common})
