"""The call of a layer with another weight, and integers in their smallest type."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from baselines.rewriters.call import LayerCall, compact
from baselines.rewriters.protocol import UnsupportedLayer
from tests.rewriters.small_layers import NAMES, images, layer
from tropnnc import TropnncError


@pytest.mark.parametrize("name", [*NAMES, "grouped"])
def test_a_layers_own_weight_gives_its_own_output(name: str) -> None:
    own = layer(name)
    x = images(own)
    assert torch.equal(LayerCall.of(own).apply(x, own.weight, own.bias), own(x))


class Halved(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input) / 2


def test_a_layer_that_computes_something_else_is_refused() -> None:
    with pytest.raises(UnsupportedLayer, match="Halved has no stored form"):
        LayerCall.of(Halved(3, 2))


def test_weights_that_are_not_finite_are_refused() -> None:
    own = nn.Linear(3, 2)
    with torch.no_grad():
        own.weight[1, 2] = torch.nan
    with pytest.raises(TropnncError, match="weight has NaN"):
        LayerCall.of(own)


@pytest.mark.parametrize(
    ("largest", "dtype"),
    [
        (0, torch.uint8),
        (255, torch.uint8),
        (256, torch.int16),
        (32_767, torch.int16),
        (32_768, torch.int32),
        (2**31, torch.int64),
    ],
)
def test_compact_takes_the_smallest_type(largest: int, dtype: torch.dtype) -> None:
    numbers = np.array([0, largest])
    assert compact(numbers).dtype == dtype
    assert compact(numbers).tolist() == numbers.tolist()
    assert compact(numbers[:0]).dtype == torch.uint8
