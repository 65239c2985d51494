"""A layer with the batch norm behind it, as an affine map whose norms are known."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import cast

import numpy as np
from scipy.sparse import csr_array

from tropnnc.clustering import one_thread
from tropnnc.lipschitz import Torus, operator_norm, row_norms
from tropnnc.lipschitz.convolution import column_norms
from tropnnc.lipschitz.spectral import spectral_norm
from tropnnc.unit import Array


@dataclass(frozen=True)
class Affine:
    """``A x + b`` on maps; a linear layer is a convolution with one tap.

    Attributes:
        kernel: ``[m, n, height, width]``.
        bias: ``[m]``, the same at every position.
        torus: where its norms are computed.
        positions: of the output, per channel: a constant ``b_i`` has the norm ``|b_i|·√positions``.
    """

    kernel: Array
    bias: Array
    torus: Torus
    positions: int

    @cached_property
    def norm(self) -> float:
        """Lipschitz constant: ``‖A‖``, biases apart."""
        return operator_norm(self.kernel, self.torus)

    @property
    def rows(self) -> Array:
        """``[m, n·taps + 1]``, bias last."""
        return np.column_stack([self.kernel.reshape(len(self.bias), -1), self.bias])

    def with_rows(self, rows: Array) -> Affine:
        """The same layer with other :attr:`rows`."""
        kernel = rows[:, :-1].reshape(len(rows), *self.kernel.shape[1:])
        return replace(self, kernel=kernel, bias=rows[:, -1])

    def lifted(self, lift: csr_array | None) -> Affine:
        """``A·T``: what this layer computes of ``T x``."""
        if lift is None:
            return self
        rows, columns, *taps = self.kernel.shape
        _, kept = cast(tuple[int, int], lift.shape)
        flat = self.kernel.reshape(rows, columns, -1).transpose(0, 2, 1).reshape(-1, columns)
        with one_thread():
            mixed = (lift.T @ flat.T).T
        kernel = mixed.reshape(rows, -1, kept).transpose(0, 2, 1)
        return replace(self, kernel=kernel.reshape(rows, kept, *taps))

    def on_ball(self, radius: float) -> float:
        """``max ‖A x + b‖`` over ``‖x‖ ≤ radius``, or more."""
        constant = float(np.linalg.norm(self.bias)) * math.sqrt(self.positions)
        return self.norm * radius + constant

    def channels_on_ball(self, radius: float) -> Array:
        """The same for every output channel by itself, ``[m]``."""
        constants = np.abs(self.bias) * math.sqrt(self.positions)
        return row_norms(self.kernel, self.torus) * radius + constants

    def of_neurons(self, start: int, neurons: int, block: int) -> Array:
        """Norm ``‖C_i‖ [neurons]`` of what each neuron's entries alone feed.

        At most the sum over taps of ``‖C_{:,i,p}‖``.
        """
        columns = self.kernel[:, start : start + neurons * block]
        if block == 1:
            return column_norms(columns, self.torus)
        blocks = columns.reshape(len(columns), neurons, block)
        return spectral_norm(blocks.transpose(1, 0, 2))
