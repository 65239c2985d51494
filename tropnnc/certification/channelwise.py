"""Lipschitz constants of what lies between layers: ReLU, pooling, dropout, flatten, mean."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import fx, nn

from tropnnc.errors import TropnncError
from tropnnc.graph.operations import Operation, argument
from tropnnc.graph.trace import shape
from tropnnc.lipschitz import adaptive_avg_pool, adaptive_max_pool, avg_pool, max_pool

Pair = tuple[int, int]


def factor(node: fx.Node, operation: Operation, modules: Mapping[str, nn.Module]) -> float:
    """Lipschitz constant of ``node``, which maps every channel by itself and 0 to 0."""
    if operation.kind == "pool":
        return _pool(node, modules)
    if operation.kind == "mean":
        return 1 / math.sqrt(math.prod(_averaged(node)))
    return 1.0


def _pool(node: fx.Node, modules: Mapping[str, nn.Module]) -> float:
    module = modules[str(node.target)] if node.op == "call_module" else None
    name = (node.name if module is None else type(module).__name__).lower()

    def option(position: int, key: str, default: Any = None) -> Any:
        if module is not None:
            return getattr(module, key, default)
        return argument(node, position, key, default)

    before, after = _map(node.all_input_nodes[0]), _map(node)
    if "adaptive" in name:
        return (adaptive_max_pool if "max" in name else adaptive_avg_pool)(before, after)
    kernel = _pair(option(1, "kernel_size"))
    stride = _pair(option(2, "stride") or kernel)
    if "max" in name:
        return max_pool(kernel, stride, _pair(option(4, "dilation", 1)))
    return avg_pool(
        before,
        kernel,
        stride,
        padding=_pair(option(3, "padding", 0)),
        ceil_mode=bool(option(4, "ceil_mode", False)),
        count_include_pad=bool(option(5, "count_include_pad", True)),
        divisor=option(6, "divisor_override"),
    )


def _averaged(node: fx.Node) -> list[int]:
    """Sizes of the dimensions that a mean removes."""
    sizes = shape(node.all_input_nodes[0])
    dims = argument(node, 1, "dim")
    if sizes is None or dims is None:
        raise TropnncError(f"{node.name}: a mean over all dimensions has no certificate")
    dims = [d % len(sizes) for d in ([dims] if isinstance(dims, int) else dims)]
    if 0 in dims:
        raise TropnncError(f"{node.name}: a mean over the batch has no certificate")
    return [sizes[d] for d in dims]


def _map(node: fx.Node) -> Pair:
    """Height and width of the tensor at ``node``."""
    sizes = shape(node)
    assert sizes is not None
    if len(sizes) != 4:
        raise TropnncError(f"{node.name}: pooling of {len(sizes)} dimensions, accepted are 4")
    return sizes[2], sizes[3]


def _pair(value: Any) -> Pair:
    values = tuple(value) if isinstance(value, list | tuple) else (value, value)
    return (values * 2)[:2]
