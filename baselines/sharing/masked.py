"""Retraining of what pruning left: zeros stay zeros."""

from __future__ import annotations

import copy
from collections.abc import Collection

import torch
from torch import Tensor, nn

from baselines.rewriters.call import LayerCall
from baselines.rewriters.network import exchanged
from baselines.rewriters.protocol import Layer
from baselines.sharing.network import chosen, weight_of
from baselines.sharing.prune import surviving


class MaskedLayer(nn.Module):
    """A pruned layer in training; what it stores, once settled, is a dense weight with zeros."""

    def __init__(self, layer: Layer, mask: Tensor) -> None:
        super().__init__()
        self.call = LayerCall.of(layer)
        self.layer = copy.deepcopy(layer)
        self.register_buffer("mask", mask, persistent=False)
        self.mask: Tensor
        with torch.no_grad():
            self.layer.weight.masked_fill_(~mask, 0)  # a product would leave -0.0, a value

    def forward(self, x: Tensor) -> Tensor:
        """As the layer; no gradient reaches what was pruned."""
        return self.call.apply(x, self.layer.weight * self.mask, self.layer.bias)

    def settled(self) -> Layer:
        """The layer with its zeros."""
        layer = copy.deepcopy(self.layer)
        with torch.no_grad():
            layer.weight.masked_fill_(~self.mask, 0)  # whatever an optimiser did to them
        return layer


def prune_network(
    model: nn.Module, percent: float, names: Collection[str] | None = None
) -> nn.Module:
    """A copy with every layer's smallest weights at zero, in modules that keep them there.

    Args:
        model: not modified.
        percent: of each layer, as :func:`baselines.sharing.prune.surviving`.
        names: of linear layers and convolutions; None is all of them.

    Raises:
        TropnncError: a percentage below 0 or from 100 on, or a name of no such layer.
    """
    layers = chosen(model, names)
    masks = {
        name: torch.from_numpy(surviving(weight_of(layer), percent)).to(layer.weight.device)
        for name, layer in layers.items()
    }
    return exchanged(model, {name: MaskedLayer(layers[name], masks[name]) for name in layers})
