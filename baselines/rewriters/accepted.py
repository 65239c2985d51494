"""Which layers and budgets the tensor formats accept."""

from __future__ import annotations

from torch import nn

from baselines.rewriters.protocol import Budget, Layer, Parameters, UnsupportedLayer
from tropnnc.errors import TropnncError, check_finite


def words(budget: Budget) -> int:
    """Parameters that a format may take.

    Raises:
        TropnncError: the budget is not a number of parameters.
    """
    if isinstance(budget, Parameters):
        return budget.count
    raise TropnncError(f"{budget} is no budget of a tensor format, accepted is Parameters(count)")


def check_layer(layer: Layer) -> None:
    """Raise for what no tensor format is defined for.

    Raises:
        UnsupportedLayer: another kind of layer, groups, or padding other than by zeros.
        TropnncError: NaN or infinite weights.
    """
    if not isinstance(layer, nn.Linear | nn.Conv2d):
        raise UnsupportedLayer(f"{type(layer).__name__} is neither Linear nor Conv2d")
    check_finite({"the weight": layer.weight.detach()})
    if isinstance(layer, nn.Linear):
        return
    if layer.groups != 1:
        raise UnsupportedLayer(f"convolution of {layer.groups} groups")
    if layer.padding_mode != "zeros" or isinstance(layer.padding, str):
        raise UnsupportedLayer("padding other than by a number of zeros")
