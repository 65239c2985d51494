"""Least squares of a layer's outputs on everything it reads, with intercept, from images."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from scipy.linalg import solve
from torch import Tensor

from tropnnc.composition.sliding import Sliding, padding_mode, slides
from tropnnc.unit import Array, ConvGeometry

# Entries of the design matrix that are live at a time: 16 MiB.
_AT_ONCE = 1 << 21


class Regression:
    """Normal equations of ``r ≈ D x + d``: x what a layer reads, r what its outputs lack.

    In float64, whatever the tensors are: inputs that depend on each other are told apart by the
    ridge alone. Memory: the square of the number of inputs, three times at most, and a design
    matrix of some images.

    Attributes:
        inputs: ``q``, entries of x.
        outputs: ``m``, entries of r.
    """

    def __init__(self, inputs: int, outputs: int, geometry: ConvGeometry | None) -> None:
        """Nothing seen yet; ``geometry`` of a convolution, None for a linear layer."""
        self.inputs, self.outputs = inputs, outputs
        self._rows = 0
        self._sums = (
            Sliding(inputs, outputs, geometry)
            if geometry is not None and slides(geometry)
            else Unfolded(inputs, outputs, geometry)
        )

    def add(self, inputs: Tensor, lacking: Tensor) -> None:
        """See a batch.

        Args:
            inputs: ``[b, channels, height, width]``, or ``[b, …]`` with q entries per row.
            lacking: ``[b, m, height, width]``, or ``[b, …, m]``.
        """
        self._rows += lacking.numel() // max(self.outputs, 1)
        self._sums.add(inputs.cpu(), lacking.cpu())

    def solve(self, ridge: float) -> tuple[Array, Array]:
        """``D [m, q]`` and ``d [m]`` of least ``‖r − D x − d‖² + λ‖D‖²``.

        Args:
            ridge: λ, in units of the mean diagonal of the normal matrix; d is free.
        """
        sums, inner = self._sums, self._sums.inner
        mean, gap = sums.input_sum / self._rows, sums.output_sum / self._rows
        damping = ridge * (float(inner.diagonal().mean()) or 1.0)
        # About the means the intercept drops out.
        inner = inner.addr(mean, mean, alpha=-self._rows).numpy()
        cross = sums.cross.addr(mean, gap, alpha=-self._rows).numpy()
        inner[np.diag_indices(self.inputs)] += damping
        change = cast(Array, solve(inner, cross, assume_a="pos", overwrite_a=True)).T
        return change, gap.numpy() - change @ mean.numpy()


class Unfolded:
    """Inner products of what a layer reads with itself and with its outputs, from its im2col.

    Attributes:
        inner: ``[q, q]``.
        cross: with the outputs, ``[q, m]``.
        input_sum: ``[q]``.
        output_sum: ``[m]``.
    """

    def __init__(self, inputs: int, outputs: int, geometry: ConvGeometry | None) -> None:
        """Nothing seen yet."""
        self._geometry = geometry
        self.inner = torch.zeros(inputs, inputs, dtype=torch.float64)
        self.cross = torch.zeros(inputs, outputs, dtype=torch.float64)
        self.input_sum = torch.zeros(inputs, dtype=torch.float64)
        self.output_sum = torch.zeros(outputs, dtype=torch.float64)

    def add(self, inputs: Tensor, lacking: Tensor) -> None:
        """See a batch."""
        per_image = len(self.inner) * lacking[0].numel() // max(len(self.output_sum), 1)
        images = max(_AT_ONCE // max(per_image, 1), 1)
        for some, theirs in zip(inputs.split(images), lacking.split(images), strict=True):
            design, target = self._design(some), self._target(theirs)
            self.inner += design @ design.T
            self.cross += design @ target.T
            self.input_sum += design.sum(dim=1)
            self.output_sum += target.sum(dim=1)

    def _design(self, inputs: Tensor) -> Tensor:
        """``[q, rows]``."""
        geometry = self._geometry
        if geometry is None:
            return inputs.reshape(-1, len(self.inner)).T.double()
        padded = F.pad(inputs, geometry.padding, mode=padding_mode(geometry))
        patches = F.unfold(padded, geometry.kernel_size, geometry.dilation, stride=geometry.stride)
        return _in_rows(patches.transpose(0, 1))

    def _target(self, lacking: Tensor) -> Tensor:
        """``[m, rows]``, in the order of the design."""
        if self._geometry is None:
            return lacking.reshape(-1, len(self.output_sum)).T.double()
        return _in_rows(lacking.transpose(0, 1))


def _in_rows(tensor: Tensor) -> Tensor:
    """Float64, flat behind the first dimension, by one copy."""
    return tensor.to(torch.float64, memory_format=torch.contiguous_format).flatten(1)


def observations(images: int, outputs: Tensor, geometry: ConvGeometry | None) -> int:
    """Rows of the design of all ``images``, from the ``outputs`` of a batch of some."""
    channels = outputs.shape[-1 if geometry is None else 1]
    return images * outputs[0].numel() // channels
