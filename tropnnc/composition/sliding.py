"""Sums of products over the places of a convolution, without its im2col matrix.

A kernel reads the rows ``y … y+H−1`` of a map at its height y, of H output rows. Products of two
heights d and e therefore are sums over the same rows, ``S_de = Σ_p M_{p+d} M_{p+e}ᵀ`` (M_y the
pixels of row y, shifted sideways by every column of the kernel), and

    S_{d+1,e+1} = S_de − M_d M_eᵀ + M_{H+d} M_{H+e}ᵀ.

One sum for each distance of two heights is enough, and the map is unfolded sideways alone.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations_with_replacement

import torch
import torch.nn.functional as F
from torch import Tensor

from tropnnc.unit import ConvGeometry

# Entries of the design matrix that are live at a time: 4 MiB, which a core has beside it.
_AT_ONCE = 1 << 19


def slides(geometry: ConvGeometry) -> bool:
    """Whether neighbouring places of the kernel read neighbouring pixels."""
    return geometry.stride == geometry.dilation == (1, 1)


class Sliding:
    """Inner products of what a convolution of stride 1 reads with itself and with its outputs.

    Attributes:
        output_sum: ``[m]``.
    """

    def __init__(self, inputs: int, outputs: int, geometry: ConvGeometry) -> None:
        """Nothing seen yet; the kernel has ``inputs`` entries per output."""
        self._geometry = geometry
        height, width = geometry.kernel_size
        self._rows = inputs // height  # (channel, column of the kernel)
        self._channels = self._rows // width
        zeros = partial(torch.zeros, dtype=torch.float64)
        # Of what is read in the top row of the kernel, and of the outputs, with what is read in
        # another.
        self._products = zeros(height, self._rows + outputs, self._rows)
        self._steps = {
            pair: zeros(self._rows, self._rows)
            for pair in combinations_with_replacement(range(height - 1), 2)
        }
        self._input_sum = zeros(self._rows, height)
        self.output_sum = zeros(outputs)

    def add(self, inputs: Tensor, lacking: Tensor) -> None:
        """See ``inputs [b, channels, ·, ·]`` and outputs ``lacking [b, m, ·, ·]``."""
        images = max(_AT_ONCE // max(self._rows * lacking[0, 0].numel(), 1), 1)
        for some, theirs in zip(inputs.split(images), lacking.split(images), strict=True):
            self._add(self._side_by_side(some, theirs), lacking.shape[2])

    def _add(self, maps: Tensor, height: int) -> None:
        """``maps [channels·width + m, Y, b·W]``, of the outputs the first ``height`` rows."""
        inputs, places = maps[: self._rows], maps.shape[2]
        flat, first = inputs.flatten(1), maps.flatten(1)[:, : height * places]
        self.output_sum += first[self._rows :].sum(dim=1)
        sums = inputs.sum(dim=2)
        for e, products in enumerate(self._products):
            products.addmm_(first, flat[:, e * places : (e + height) * places].T)
            self._input_sum[:, e] += sums[:, e : e + height].sum(dim=1)
        for (d, e), step in self._steps.items():
            step.addmm_(inputs[:, d], inputs[:, e].T, alpha=-1)
            step.addmm_(inputs[:, height + d], inputs[:, height + e].T)

    def _side_by_side(self, inputs: Tensor, lacking: Tensor) -> Tensor:
        """The padded maps shifted by every column, and the outputs, in float64."""
        geometry = self._geometry
        padded = F.pad(inputs, geometry.padding, mode=padding_mode(geometry))
        # [b, channels, Y, W, width]
        columns = padded.unfold(3, geometry.kernel_size[1], 1)
        images, outputs, height, width = lacking.shape
        rows = columns.shape[2]
        maps = torch.empty(self._rows + outputs, rows, images, width, dtype=torch.float64)
        shifted = maps[: self._rows].unflatten(0, (self._channels, -1))
        shifted.copy_(columns.permute(1, 4, 2, 0, 3))
        maps[self._rows :, :height] = lacking.permute(1, 2, 0, 3)
        return maps.flatten(2)

    @property
    def inner(self) -> Tensor:
        """``[q, q]``, q in the order (channel, height, width)."""
        height, width = self._geometry.kernel_size
        sizes = 2 * (self._channels, height, width)
        whole = torch.empty(sizes, dtype=torch.float64)
        for distance, products in enumerate(self._products):
            block = products[: self._rows]
            for d, e in enumerate(range(distance, height)):
                if d:
                    block = block + self._steps[d - 1, e - 1]
                part = block.view(self._channels, width, self._channels, width)
                whole[:, d, :, :, e] = part
                whole[:, e, :, :, d] = part.permute(2, 3, 0, 1)
        return whole.reshape(2 * [self._rows * height])

    @property
    def cross(self) -> Tensor:
        """``[q, m]``."""
        # [height, m, channels, width]
        parts = self._products[:, self._rows :].unflatten(2, (self._channels, -1))
        return parts.permute(2, 0, 3, 1).flatten(0, 2)

    @property
    def input_sum(self) -> Tensor:
        """``[q]``."""
        return self._input_sum.unflatten(0, (self._channels, -1)).transpose(1, 2).flatten()


def padding_mode(geometry: ConvGeometry) -> str:
    """As :func:`torch.nn.functional.pad` calls it."""
    return "constant" if geometry.padding_mode == "zeros" else geometry.padding_mode
