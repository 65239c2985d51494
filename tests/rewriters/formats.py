"""The tensor formats that tests go over, the layers that they rewrite, and inputs of these."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.rewriters.execution import Factorised
from baselines.rewriters.hierarchical_tucker import HierarchicalTucker
from baselines.rewriters.hybrid import Hybrid
from baselines.rewriters.protocol import Layer, Parameters, Rewriter, Rewritten
from baselines.rewriters.svd import SvdChannel, SvdSpatial
from baselines.rewriters.tensor_ring import TensorRing
from baselines.rewriters.tensor_train import TensorTrain
from baselines.rewriters.tucker2 import Tucker2

REWRITERS: dict[str, Rewriter] = {
    "svd_channel": SvdChannel(),
    "svd_spatial": SvdSpatial(),
    "tucker2": Tucker2(),
    "train_split": TensorTrain(),
    "train_merged": TensorTrain("merged"),
    "train_merged_3": TensorTrain("merged", 3),
    "hierarchical_split": HierarchicalTucker(),
    "hierarchical_merged": HierarchicalTucker("merged"),
    "hybrid": Hybrid(),
    "ring_split": TensorRing(),
    "ring_merged": TensorRing("merged"),
}
LAYERS = {
    "linear": lambda: nn.Linear(24, 30),
    "stride": lambda: nn.Conv2d(8, 12, 3, stride=2, padding=1),
    "valid": lambda: nn.Conv2d(8, 12, 3, bias=False),
    "oblong": lambda: nn.Conv2d(8, 12, (3, 5), (2, 1), (0, 2), (1, 2)),
    "point": lambda: nn.Conv2d(8, 12, 1, stride=2),
    "row": lambda: nn.Conv2d(8, 12, (1, 3), stride=2, padding=1),
}
FULL = 5.0  # times the parameters of the layer: every rank is full


def made(kind: str) -> Layer:
    torch.manual_seed(0)
    return LAYERS[kind]()


def inputs(layer: Layer, batch: int = 2) -> Tensor:
    shape = (24,) if isinstance(layer, nn.Linear) else (8, 13, 11)
    return torch.randn(batch, *shape, generator=torch.Generator().manual_seed(1))


def rewritten(rewriter: Rewriter, layer: Layer, share: float) -> tuple[Rewritten, Factorised]:
    result = rewriter.rewrite(layer, Parameters(int(share * layer.weight.numel())))
    assert isinstance(result.module, Factorised)
    return result, result.module
