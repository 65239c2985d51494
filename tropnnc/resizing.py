"""Layers of other widths, for weights of a compressed network to be loaded into."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tropnnc.errors import TropnncError

SIZED = (nn.Linear, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d)


def resize(
    model: nn.Module, name: str, shapes: dict[str, list[int]], tensors: Mapping[str, Tensor]
) -> None:
    """Give the layer ``name`` of ``model`` the recipe's shapes, in the dtype of the saved tensors.

    Raises:
        TropnncError: the model has no such layer.
    """
    modules = dict(model.named_modules())
    module = modules.get(name)
    if not isinstance(module, SIZED):
        raise TropnncError(f"the recipe's layer {name} is not in the given architecture")
    for key, size in shapes.items():
        saved = tensors.get(f"{name}.{key}")
        old = getattr(module, key, None)
        like = old if old is not None else module.weight
        dtype = like.dtype if saved is None else saved.dtype
        blank = torch.empty(size, dtype=dtype, device=like.device)
        setattr(module, key, nn.Parameter(blank, requires_grad=like.requires_grad))
    weight = shapes.get("weight", [])
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = weight
    elif isinstance(module, nn.Conv2d):
        if 1 < module.groups == module.in_channels == module.out_channels:  # depthwise
            module.groups = weight[0]
        module.out_channels, module.in_channels = weight[0], weight[1] * module.groups
    elif module.running_mean is not None and module.running_var is not None:
        width = tensors[f"{name}.running_mean"].shape[0]
        module.num_features = width
        module.running_mean = module.running_mean.new_empty(width)
        module.running_var = module.running_var.new_empty(width)
