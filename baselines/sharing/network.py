"""Weight sharing over a network, with one codebook a layer, a kind of layer, or for all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, get_args

import numpy as np
import torch
from torch import nn

from baselines.rewriters.network import exchanged, layers_of
from baselines.rewriters.protocol import Layer
from baselines.sharing.layer import SharedLayer
from baselines.sharing.prune import surviving
from baselines.sharing.scheme import Scheme
from tropnnc.errors import TropnncError, check_choice
from tropnnc.unit import Array

Scope = Literal["unified", "layer", "network"]


def share_network(
    model: nn.Module,
    scheme: Scheme,
    k: int,
    prune: float = 0.0,
    scope: Scope = "unified",
    rng: np.random.Generator | None = None,
    names: Collection[str] | None = None,
) -> nn.Module:
    """A copy whose kernels hold at most ``k`` values, and zero where they are pruned.

    Args:
        model: not modified. Its zeros stay zeros.
        scheme: how values are shared; it sees nonzeros only.
        k: shared values of a codebook, zero not counted.
        prune: percentage of each layer that goes first.
        scope: ``unified`` is one codebook for all convolutions and another for all linear layers,
            ``network`` one for all together, each a single parameter that its layers hold in
            common; ``layer`` is one for each.
        rng: of schemes that draw; None is seed 0.
        names: of linear layers and convolutions; None is all of them.

    Raises:
        TropnncError: a name of no such layer, or as the scheme.
    """
    check_choice("scope", scope, get_args(Scope))
    rng = np.random.default_rng(0) if rng is None else rng
    groups: dict[str, dict[str, Layer]] = {}
    for name, layer in chosen(model, names).items():
        key = {"layer": name, "unified": type(layer).__name__, "network": ""}[scope]
        groups.setdefault(key, {})[name] = layer
    modules: dict[str, nn.Module] = {}
    for layers in groups.values():
        modules |= _shared(layers, scheme, k, prune, rng)
    return exchanged(model, modules)


def chosen(model: nn.Module, names: Collection[str] | None) -> dict[str, Layer]:
    """The linear layers and convolutions of ``model`` by name, all of them or those named.

    Raises:
        TropnncError: a name of none of them.
    """
    layers = layers_of(model)
    for name in names or ():
        if name not in layers:
            raise TropnncError(f"{name!r} is no Linear or Conv2d; there are {', '.join(layers)}")
    return {name: layer for name, layer in layers.items() if names is None or name in names}


def _shared(
    layers: Mapping[str, Layer], scheme: Scheme, k: int, prune: float, rng: np.random.Generator
) -> dict[str, nn.Module]:
    """Layers of one codebook."""
    weights = {name: weight_of(layer) for name, layer in layers.items()}
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


def weight_of(layer: Layer) -> Array:
    """Float64, in its own shape."""
    return layer.weight.detach().cpu().double().numpy()
