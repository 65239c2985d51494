"""Weight sharing over a network, with one codebook a layer or one a kind of layer."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import torch
from torch import nn

from baselines.rewriters.protocol import Layer
from baselines.sharing.layer import SharedLayer
from baselines.sharing.prune import surviving
from baselines.sharing.scheme import Scheme
from tropnnc.errors import TropnncError, check_choice
from tropnnc.unit import Array

Scope = Literal["unified", "layer"]


def share_network(
    model: nn.Module,
    scheme: Scheme,
    k: int,
    prune: float = 0.0,
    scope: Scope = "unified",
    rng: np.random.Generator | None = None,
    names: Iterable[str] | None = None,
) -> nn.Module:
    """A copy whose kernels hold at most ``k`` values, and zero where they are pruned.

    Args:
        model: not modified. Its zeros stay zeros.
        scheme: how values are shared; it sees nonzeros only.
        k: shared values of a codebook, zero not counted.
        prune: percentage of each layer that goes first.
        scope: ``unified`` is one codebook for all convolutions and another for all linear layers,
            each a single parameter that its layers hold together; ``layer`` one for each.
        rng: of schemes that draw; None is seed 0.
        names: of linear layers and convolutions; None is all of them.

    Raises:
        TropnncError: a name of no such layer, or as the scheme.
    """
    check_choice("scope", scope, ("unified", "layer"))
    rng = np.random.default_rng(0) if rng is None else rng
    groups: dict[str, dict[str, Layer]] = {}
    for name, layer in chosen(model, names).items():
        key = name if scope == "layer" else type(layer).__name__
        groups.setdefault(key, {})[name] = layer
    modules: dict[str, nn.Module] = {}
    for layers in groups.values():
        modules |= _shared(layers, scheme, k, prune, rng)
    return replaced(model, modules)


def chosen(model: nn.Module, names: Iterable[str] | None) -> dict[str, Layer]:
    """The linear layers and convolutions of ``model`` by name, all of them or those named.

    Raises:
        TropnncError: a name of none of them.
    """
    layers: dict[str, Layer] = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.Conv2d)
    }
    if names is None:
        return layers
    names = list(names)
    for name in names:
        if name not in layers:
            raise TropnncError(f"{name} is no Linear or Conv2d; accepted are {', '.join(layers)}")
    return {name: layers[name] for name in names}


def replaced(model: nn.Module, modules: Mapping[str, nn.Module]) -> nn.Module:
    """A copy of ``model`` with the named submodules replaced."""
    copied = copy.deepcopy(model)
    for name, module in modules.items():
        if not name:
            return module
        parent, _, child = name.rpartition(".")
        setattr(copied.get_submodule(parent), child, module)
    return copied


def _shared(
    layers: Mapping[str, Layer], scheme: Scheme, k: int, prune: float, rng: np.random.Generator
) -> dict[str, nn.Module]:
    """Layers of one codebook."""
    weights = {name: _weight(layer) for name, layer in layers.items()}
    masks = {name: surviving(weight, prune) for name, weight in weights.items()}
    shared = scheme.share(np.concatenate([weights[n][masks[n]] for n in layers]), k, rng)
    like = next(iter(layers.values())).weight
    codebook = nn.Parameter(torch.from_numpy(shared.codebook).to(like))
    has_zero = not all(mask.all() for mask in masks.values())
    ends = np.cumsum([np.count_nonzero(mask) for mask in masks.values()])
    pieces = np.split(shared.codes + has_zero, ends[:-1])
    modules: dict[str, nn.Module] = {}
    for (name, mask), piece in zip(masks.items(), pieces, strict=True):
        codes = np.zeros(mask.shape, dtype=np.int64)
        codes[mask] = piece
        modules[name] = SharedLayer(layers[name], codes, codebook, has_zero)
    return modules


def _weight(layer: Layer) -> Array:
    return layer.weight.detach().cpu().double().numpy()
