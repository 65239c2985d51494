"""Replace a layer's tensors. No tensor is ever changed: copies of a network may share them."""

from __future__ import annotations

import copy
from itertools import chain

import torch
from torch import Tensor, nn


def sharing_copy(model: nn.Module) -> nn.Module:
    """Modules of their own on the tensors of ``model``."""
    return copy.deepcopy(model, {id(tensor): tensor for tensor in _tensors(model)})


def own_tensors(model: nn.Module, other: nn.Module) -> None:
    """Copy those tensors of ``model`` that are still those of ``other``; tied ones stay tied."""
    shared = {id(tensor) for tensor in _tensors(other)}
    copies: dict[int, object] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if id(parameter) in shared:
                module._parameters[name] = copy.deepcopy(parameter, copies)
        for name, buffer in module._buffers.items():
            if id(buffer) in shared:
                module._buffers[name] = copy.deepcopy(buffer, copies)


def replace_parameter(module: nn.Module, name: str, values: Tensor) -> None:
    """Another parameter ``name`` with the ``requires_grad`` of the old one (or the weight's)."""
    old: Tensor | None = getattr(module, name)
    like = old if old is not None else module.get_parameter("weight")
    setattr(module, name, nn.Parameter(values, requires_grad=like.requires_grad))


def resize(module: nn.Module, width: int) -> None:
    """Note that a layer has ``width`` outputs, or a norm as many channels."""
    if isinstance(module, nn.Linear):
        module.out_features = width
    elif isinstance(module, nn.Conv2d):
        module.out_channels = width
        if module.groups > 1:  # depthwise: no other grouped convolution is ever written
            module.in_channels = module.groups = width
    else:
        assert isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
        module.num_features = width


def write_input(module: nn.Linear | nn.Conv2d, start: int, stop: int, new: Tensor) -> None:
    """Replace the input columns ``start … stop``; the others stay as they are, bit for bit."""
    weight = module.weight.detach()
    joined = torch.cat([weight[:, :start], new, weight[:, stop:]], dim=1)
    replace_parameter(module, "weight", joined)
    if isinstance(module, nn.Linear):
        module.in_features = joined.shape[1]
    else:
        module.in_channels = joined.shape[1]


def _tensors(model: nn.Module) -> chain[Tensor]:
    return chain(model.parameters(), model.buffers())
