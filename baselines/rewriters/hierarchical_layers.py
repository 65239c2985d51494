"""Layers that execute a hierarchical Tucker weight, relatives.md B.2."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from baselines.rewriters import htucker
from baselines.rewriters.contracted import (
    ContractedConv,
    ContractedLinear,
    Network,
    as_parameter,
    as_parameters,
)
from baselines.rewriters.contraction import contract
from baselines.rewriters.geometry import POINT, Geometry
from baselines.rewriters.htucker import HTucker, node
from baselines.rewriters.letters import BONDS, lettered, sides
from baselines.rewriters.modes import Arrangement
from baselines.rewriters.protocol import Layer


def contracted(
    layer: Layer, arrangement: Arrangement, tucker: HTucker
) -> ContractedLinear | ContractedConv:
    """Contraction in the cheapest order; a kernel is rebuilt. Trained in ``layer``'s dtype."""
    bonds = dict(zip(htucker.nodes(tucker.tree), BONDS, strict=False))
    modes = lettered(arrangement)
    frames = [
        frame.unflatten(0, mode.sizes) for frame, mode in zip(tucker.frames, modes, strict=True)
    ]
    names = [mode.letters + bonds[k,] for k, mode in enumerate(modes)]
    for at, children in _children(tucker.tree).items():
        names.append("".join(bonds[child] for child in children) + bonds.get(at, ""))
    others = tucker.cores[len(frames) :]
    cores = [core.to(layer.weight.dtype) for core in (*frames, *others)]
    network = Network(tuple(names), *sides(arrangement))
    if isinstance(layer, nn.Linear):
        return ContractedLinear(cores, network, layer.bias)
    geometry = Geometry.of(layer)
    return ContractedConv(cores, network, layer.bias, layer.weight.shape, geometry)


def _children(tree: htucker.Branch) -> dict[htucker.Node, tuple[htucker.Node, htucker.Node]]:
    return {node(pair): (node(pair[0]), node(pair[1])) for pair in htucker.parents(tree)}


class HierarchicalConv(nn.Module):
    """A kernel with the tree ((C, kh), (kw, O)) as four convolutions.

    1×1 by the frame of C, kh×1 to the rank at the root, 1×kw from there, 1×1 by the frame of O;
    the two in the middle are made of the small cores at every pass.

    Args:
        tucker: over the modes (C, kh, kw, O).
        bias: of O entries, or None.
        geometry: stride, padding and dilation of the whole.
        dtype: to train in.
    """

    _NAMES = ("cA", "hB", "wD", "oE", "ABP", "DEQ", "PQ")

    def __init__(
        self, tucker: HTucker, bias: Tensor | None, geometry: Geometry, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.cores = as_parameters([core.to(dtype) for core in tucker.cores])
        self.bias, self.geometry = as_parameter(bias), geometry

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (batch, C, height, width)."""
        channels, vertical, horizontal, outputs = self._kernels()
        x = self.geometry.vertical.convolve(POINT.convolve(x, channels, None), vertical, None)
        x = self.geometry.horizontal.convolve(x, horizontal, None)
        return POINT.convolve(x, outputs, self.bias)

    def rebuilt(self) -> Tensor:
        """The kernel, O × C × kh × kw."""
        return contract(self._NAMES, "ochw", list(self.cores))

    def _kernels(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        channels, rows, columns, outputs, left, right, root = self.cores
        vertical = contract(("hB", "ABP"), "PAh", [rows, left])[..., None]
        horizontal = contract(("wD", "DEQ", "PQ"), "EPw", [columns, right, root])[:, :, None]
        return channels.T[..., None, None], vertical, horizontal, outputs[..., None, None]
