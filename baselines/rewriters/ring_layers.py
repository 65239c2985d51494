"""Layers that execute the cores of a tensor ring in turn (TedNet's order, relatives.md B.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from baselines.rewriters import ring
from baselines.rewriters.contracted import as_parameter, as_parameters
from baselines.rewriters.geometry import POINT, Geometry


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
