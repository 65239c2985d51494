"""What a node of the traced graph does to a per-channel tensor."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import fx, nn

OperationKind = Literal[
    "relu", "pool", "same", "reshape", "mean", "cat", "layer", "norm", "size", "add", "pad",
    "output", "other",
]  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """A node's kind, how to name it in a reason, and where a ReLU is clipped."""

    kind: OperationKind
    label: str
    cap: float = inf


_MODULES: dict[type[nn.Module], OperationKind] = {
    nn.ReLU: "relu",
    nn.ReLU6: "relu",
    nn.Hardtanh: "relu",
    nn.MaxPool2d: "pool",
    nn.AvgPool2d: "pool",
    nn.AdaptiveAvgPool2d: "pool",
    nn.AdaptiveMaxPool2d: "pool",
    nn.Dropout: "same",
    nn.Dropout2d: "same",
    nn.Identity: "same",
    nn.ZeroPad2d: "pad",
    nn.Flatten: "reshape",
    nn.Linear: "layer",
    nn.Conv2d: "layer",
    nn.BatchNorm1d: "norm",
    nn.BatchNorm2d: "norm",
}

_FUNCTIONS: dict[Any, OperationKind] = {
    F.relu: "relu",
    F.relu_: "relu",
    torch.relu: "relu",
    torch.relu_: "relu",
    F.relu6: "relu",
    F.hardtanh: "relu",
    F.max_pool2d: "pool",
    torch.max_pool2d: "pool",
    F.avg_pool2d: "pool",
    F.adaptive_avg_pool2d: "pool",
    F.adaptive_max_pool2d: "pool",
    F.dropout: "same",
    F.dropout2d: "same",
    F.pad: "pad",
    torch.flatten: "reshape",
    torch.reshape: "reshape",
    torch.mean: "mean",
    torch.cat: "cat",
    torch.concat: "cat",
    torch.concatenate: "cat",
    operator.add: "add",
    operator.iadd: "add",
    torch.add: "add",
    getattr: "size",
}

_METHODS: dict[str, OperationKind] = {
    "relu": "relu",
    "relu_": "relu",
    "contiguous": "same",
    "flatten": "reshape",
    "view": "reshape",
    "reshape": "reshape",
    "mean": "mean",
    "add": "add",
    "add_": "add",
    "size": "size",
    "dim": "size",
}

_POOLS = {"max": "max_pool", "avg": "avg_pool"}


def classify(node: fx.Node, modules: Mapping[str, nn.Module]) -> Operation:
    """The operation at ``node``."""
    operation = _by_name(node, modules)
    if operation.kind != "relu":
        return operation
    low, high = _range(node, modules)
    return replace(operation, cap=high) if low == 0 else replace(operation, kind="other")


def _range(node: fx.Node, modules: Mapping[str, nn.Module]) -> tuple[float, float]:
    """What a ReLU, ReLU6 or hardtanh clips to."""
    if node.op == "call_module":
        module = modules[str(node.target)]
        # ReLU6 is a hardtanh.
        return (module.min_val, module.max_val) if isinstance(module, nn.Hardtanh) else (0.0, inf)
    if node.target is F.relu6:
        return 0.0, 6.0
    if node.target is F.hardtanh:
        return argument(node, 1, "min_val", -1.0), argument(node, 2, "max_val", 1.0)
    return 0.0, inf


def _by_name(node: fx.Node, modules: Mapping[str, nn.Module]) -> Operation:
    if node.op == "output":
        return Operation("output", "the model's output")
    if node.op == "call_module":
        module = modules[str(node.target)]
        kind = _MODULES.get(type(module), "other")
        if getattr(module, "return_indices", False):
            kind = "other"
        return Operation(kind, f"{type(module).__name__} {node.target}")
    if node.op == "call_method":
        return Operation(_METHODS.get(str(node.target), "other"), f"the method {node.target}")
    if node.target is getattr and node.args[1] != "shape":
        return Operation("other", f"the attribute {node.args[1]}")
    if node.target is F.pad and not _pads_zeros(node):
        return Operation("other", "the function pad")
    name = getattr(node.target, "__name__", str(node.target))
    # F.max_pool2d and its like dispatch through one function; the node's name keeps the operation.
    label = node.name.rstrip("_0123456789") if name == "fn" else name
    return Operation(_FUNCTIONS.get(node.target, "other"), f"the function {label}")


def _pads_zeros(node: fx.Node) -> bool:
    """Whether ``F.pad`` adds zeros to the last two dimensions at most."""
    sizes, mode = argument(node, 1, "pad"), argument(node, 2, "mode", "constant")
    return len(sizes) <= 4 and mode == "constant" and not argument(node, 3, "value")


def pool_kind(label: str) -> str:
    """``max_pool`` or ``avg_pool``, from an operation's label."""
    return next(kind for word, kind in _POOLS.items() if word in label.lower())


def argument(node: fx.Node, position: int, name: str, default: Any = None) -> Any:
    """An argument given by position or by name."""
    if len(node.args) > position:
        return node.args[position]
    return node.kwargs.get(name, default)
