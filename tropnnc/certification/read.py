"""Read the layers of a traced network as affine maps, batch norms folded."""

from __future__ import annotations

import math

import numpy as np
from torch import fx, nn

from tropnnc.certification.affine import Affine
from tropnnc.errors import TropnncError
from tropnnc.graph.network import Network
from tropnnc.graph.operations import classify
from tropnnc.graph.trace import shape
from tropnnc.lipschitz import POINT, expand_groups, torus_for
from tropnnc.surgery.read import fold, read_geometry, read_norm, read_rows
from tropnnc.unit import BatchNorm


def size(node: fx.Node) -> tuple[int, ...]:
    """Shape of the tensor at ``node``."""
    sizes = shape(node)
    assert sizes is not None
    return sizes


def folds(network: Network, node: fx.Node) -> bool:
    """Whether the one reader of a layer is a batch norm over its channels."""
    users = list(node.users)
    if classify(node, network.modules).kind != "layer" or len(users) != 1:
        return False
    norm = classify(users[0], network.modules).kind == "norm"
    linear = isinstance(network.modules[str(node.target)], nn.Linear)
    return norm and not (linear and len(size(node)) > 2)


def read_at(network: Network, node: fx.Node) -> tuple[str, Affine]:
    """The name of the layer that ends at ``node`` and the layer, or a lone batch norm."""
    name = str(node.target)
    module = network.modules[name]
    if not isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        return name, _layer(module, None, node)
    if not module.track_running_stats or not module.affine:
        raise TropnncError(f"batch norm {name} has no running statistics or no weights")
    norm, source = read_norm(module, ""), node.all_input_nodes[0]
    if not folds(network, source):
        return name, _scale(norm, size(node))
    return str(source.target), _layer(network.modules[str(source.target)], norm, source)


def _layer(module: nn.Module, norm: BatchNorm | None, node: fx.Node) -> Affine:
    assert isinstance(module, nn.Linear | nn.Conv2d)
    before, after = size(node.all_input_nodes[0]), size(node)
    rows = fold(read_rows(module), norm)
    kernel, bias = rows[:, :-1], rows[:, -1]
    if isinstance(module, nn.Linear):
        return Affine(kernel[:, :, None, None], bias, POINT, math.prod(after[1:-1]))
    if len(before) != 4:
        raise TropnncError(f"{node.target} reads {len(before)} dimensions, accepted are 4")
    kernel = expand_groups(kernel.reshape(module.weight.shape), module.groups)
    torus = torus_for(read_geometry(module), before[2], before[3])
    return Affine(kernel, bias, torus, math.prod(after[2:]))


def _scale(norm: BatchNorm, after: tuple[int, ...]) -> Affine:
    """One factor and one shift per channel."""
    kernel = np.diag(norm.scale)[:, :, None, None]
    shift = norm.bias - norm.scale * norm.running_mean
    return Affine(kernel, shift, POINT, math.prod(after[2:]))
