"""Replace a layer's tensors. None is ever changed: a copy may be in the memory of its original."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


def sharing_copy(model: nn.Module) -> nn.Module:
    """A copy whose parameters are in the memory of those of ``model``; its buffers are not."""
    parameters = {id(p): type(p)(p.data, p.requires_grad) for p in model.parameters()}
    return copy.deepcopy(model, parameters)


def unshare(shared: nn.Module, model: nn.Module) -> None:
    """Move what parameters of ``shared`` are left in the memory of ``model`` to their own."""
    addresses = {parameter.data_ptr() for parameter in model.parameters()}
    for parameter in shared.parameters():
        if parameter.data_ptr() in addresses:
            parameter.data = parameter.data.clone()


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
    joined = new
    if stop - start < weight.shape[1]:
        joined = torch.cat([weight[:, :start], new, weight[:, stop:]], dim=1)
    replace_parameter(module, "weight", joined)
    if isinstance(module, nn.Linear):
        module.in_features = joined.shape[1]
    else:
        module.in_channels = joined.shape[1]
