"""Layers that execute the cores of a tensor ring in turn (TedNet's order, relatives.md B.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from baselines.rewriters import ring
from baselines.rewriters.contracted import (
    Contracted,
    ContractedConv,
    ContractedLinear,
    Network,
    as_parameter,
    as_parameters,
)
from baselines.rewriters.geometry import POINT, Geometry
from baselines.rewriters.letters import BONDS, lettered, sides
from baselines.rewriters.modes import Arrangement
from baselines.rewriters.protocol import Layer


class RingLinear(nn.Module):
    """Input cores one by one, what lies between, output cores one by one; the last closes the ring.

    Multiply-adds per row are ``i_1⋯i_p r_0 r_1`` for the first core, and every later step carries
    ``r_0``.

    Args:
        inputs: cores ``[r_{k−1}, i_k, r_k]`` of the input's modes.
        outputs: cores of the output's modes; the last one's ``r_d`` is the first one's ``r_0``.
        bias: of as many entries as the output has, or None.
        inside: what is applied to the signal ``(batch, r_0, r_p)`` behind the input cores.
    """

    def __init__(
        self,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        bias: Tensor | None,
        inside: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.cores, self.bias = as_parameters([*inputs, *outputs]), as_parameter(bias)
        self.inputs = len(inputs)
        self.inside = inside or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (…, inputs) to (…, outputs)."""
        cores = list(self.cores)
        z = self.inside(self._read(x.flatten(0, -2) if x.ndim > 1 else x[None], cores))
        z = z[:, None]  # (batch, outputs so far, r_0, r)
        for core in cores[self.inputs : -1]:
            z = torch.einsum("bcrp,poq->bcorq", z, core).flatten(1, 2)
        y = torch.einsum("bcrp,por->bco", z, cores[-1]).reshape(*x.shape[:-1], -1)
        return y if self.bias is None else y + self.bias

    def _read(self, x: Tensor, cores: Sequence[Tensor]) -> Tensor:
        """The input contracted with its cores, (batch, r_0, r_p)."""
        first, *others = cores[: self.inputs]
        z = torch.einsum("bic,rip->bcrp", x.unflatten(1, (first.shape[1], -1)), first)
        for core in others:
            z = torch.einsum("bicrp,piq->bcrq", z.unflatten(1, (core.shape[1], -1)), core)
        return z[:, 0]

    def rebuilt(self) -> Tensor:
        """The weight of the linear ring, (outputs, inputs)."""
        whole = ring.full(list(self.cores))
        return whole.flatten(0, self.inputs - 1).flatten(1).T


class RingConv(nn.Module):
    """1×1 to ``r_0 r_1`` channels, kh×kw with ``r_0`` folded into the batch, 1×1 to the output.

    Args:
        cores: ``[r_0, C, r_1]``, ``[r_1, kh·kw, r_2]`` and ``[r_2, O, r_0]``.
        bias: of ``O`` entries, or None.
        kernel: kh and kw.
        geometry: stride, padding and dilation, of the middle convolution.
        inside: what is applied behind the input core.
        behind: what is applied behind the kernel's core.
    """

    def __init__(
        self,
        cores: Sequence[Tensor],
        bias: Tensor | None,
        kernel: tuple[int, int],
        geometry: Geometry,
        inside: nn.Module | None = None,
        behind: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.cores, self.bias = as_parameters(cores), as_parameter(bias)
        self.kernel, self.geometry = kernel, geometry
        self.inside, self.behind = inside or nn.Identity(), behind or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """``x`` of shape (batch, C, height, width)."""
        first, middle, last = self.cores
        r0 = len(first)
        z = POINT.convolve(x, first.transpose(1, 2).flatten(0, 1)[..., None, None], None)
        z = self.inside(z.unflatten(1, (r0, -1)).flatten(0, 1))
        z = self.geometry.convolve(z, middle.permute(2, 0, 1).unflatten(2, self.kernel), None)
        z = self.behind(z).unflatten(0, (-1, r0)).flatten(1, 2)
        return POINT.convolve(z, last.permute(1, 2, 0).flatten(1)[..., None, None], self.bias)

    def rebuilt(self) -> Tensor:
        """The kernel of the linear ring, O × C × kh × kw."""
        whole = ring.full(list(self.cores))  # (C, kh·kw, O)
        return whole.permute(2, 0, 1).unflatten(2, self.kernel)


def executed_ring(
    layer: Layer,
    cores: Sequence[Tensor],
    inside: nn.Module | None = None,
    behind: nn.Module | None = None,
) -> RingLinear | RingConv:
    """``layer`` as a ring of (i₁, …, i_p, o₁, …, o_p), or of (C, kh·kw, O)."""
    if isinstance(layer, nn.Linear):
        half = len(cores) // 2
        return RingLinear(cores[:half], cores[half:], layer.bias, inside)
    kernel = (layer.kernel_size[0], layer.kernel_size[1])
    return RingConv(cores, layer.bias, kernel, Geometry.of(layer), inside, behind)


def contracted_ring(layer: Layer, arrangement: Arrangement, cores: Sequence[Tensor]) -> Contracted:
    """``layer`` as a ring of any modes: contracted in the cheapest order, a kernel rebuilt."""
    bonds = BONDS[: len(cores)] + BONDS[0]
    tensors, names = [], []
    for k, (core, mode) in enumerate(zip(cores, lettered(arrangement), strict=True)):
        tensors.append(core.unflatten(1, mode.sizes))
        names.append(bonds[k] + mode.letters + bonds[k + 1])
    network = Network(tuple(names), *sides(arrangement))
    if isinstance(layer, nn.Linear):
        return ContractedLinear(tensors, network, layer.bias)
    geometry = Geometry.of(layer)
    return ContractedConv(tensors, network, layer.bias, layer.weight.shape, geometry)
