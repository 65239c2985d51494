"""A layer whose weights are looked up in a codebook."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from baselines.rewriters.call import LayerCall, compact, copied
from baselines.rewriters.protocol import Layer
from tropnnc.unit import IntArray


class SharedLayer(nn.Module):
    """The stored form, which trains as it is: a shared value gets its weights' summed gradient.

    State: ``codes`` (uint8, int16 or int32) in the weight's shape, ``codebook``, ``bias``. Layers
    of one codebook hold the same parameter, which ``state_dict`` lists under the name of each.

    Args:
        layer: whose call it keeps.
        codes: in the weight's shape.
        codebook: shared values ``[k]``.
        has_zero: code 0 is zero, which is not in the codebook and does not train, and code c the
            c-th value; else codes count from the first value.
    """

    def __init__(
        self, layer: Layer, codes: IntArray, codebook: nn.Parameter, has_zero: bool
    ) -> None:
        super().__init__()
        self.call, self.has_zero = LayerCall.of(layer), has_zero
        numbers = compact(np.ascontiguousarray(codes))
        self.register_buffer("codes", numbers.to(layer.weight.device))
        self.codes: Tensor
        self.codebook = codebook
        self.bias = copied(layer.bias)

    @property
    def weight(self) -> Tensor:
        """What the codes stand for, in the shape of the layer's weight."""
        values = self.codebook
        if self.has_zero:
            values = torch.cat([values.new_zeros(1), values])
        # The backward pass of index_select adds gradients up in the order of the entries.
        return values.index_select(0, self.codes.flatten().int()).view(self.call.shape)

    def forward(self, x: Tensor) -> Tensor:
        """As the layer."""
        return self.call.apply(x, self.weight, self.bias)
