"""Replace a layer's tensors. No parameter is ever changed: copies of a network may share it."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tropnnc.graph.structure import Site


def sharing_copy(model: nn.Module) -> nn.Module:
    """Modules and buffers of their own on the parameters of ``model``."""
    return copy.deepcopy(model, {id(p): p for p in model.parameters()})


def copy_to_narrow(model: nn.Module, sites: Sequence[Site]) -> nn.Module:
    """A copy that shares with ``model`` only the weights that the units at ``sites`` will replace.

    These are most of the memory.
    """
    producers = {site.producer for site in sites}
    layers = producers | {link.consumer for site in sites for link in site.links}
    weights = [model.get_submodule(name).get_parameter("weight") for name in layers]
    return copy.deepcopy(model, {id(weight): weight for weight in weights})


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
