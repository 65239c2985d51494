"""Follow a producer's output to its consumers, one operation at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

from torch import fx

from tropnnc.graph.operations import Operation, argument, pool_kind
from tropnnc.graph.structure import DepthwisePlace
from tropnnc.graph.trace import shape
from tropnnc.unit import Stage


class Obstacle(Exception):
    """Why a layer cannot be a unit."""


@dataclass(frozen=True)
class Path:
    """Where a unit's neurons are in a tensor.

    Attributes:
        axis: the dimension that holds them.
        neurons: how many they are.
        start: index of their first entry along it.
        block: entries per neuron.
        cap: where the unit's ReLU is clipped; ``None`` before it has been passed.
        depthwise: depthwise convolutions passed.
        between: operations passed.
    """

    axis: int
    neurons: int
    start: int = 0
    block: int = 1
    cap: float | None = None
    depthwise: tuple[DepthwisePlace, ...] = ()
    between: tuple[Stage, ...] = ()

    def through(self, kind: str, name: str) -> Path:
        """This path with one more stage."""
        stage = Stage(kind, name, after_relu=self.cap is not None)
        return replace(self, between=(*self.between, stage))

    def past(self, place: DepthwisePlace) -> Path:
        """This path behind a depthwise convolution."""
        return replace(self, depthwise=(*self.depthwise, place))

    def activated(self, cap: float) -> Path:
        """This path behind a ReLU clipped at ``cap``: the unit's, or the last depthwise's."""
        if not self.depthwise:
            return replace(self, cap=_lower(self.cap, cap))
        *earlier, last = self.depthwise
        return replace(self, depthwise=(*earlier, replace(last, cap=_lower(last.cap, cap))))


def _lower(earlier: float | None, cap: float) -> float:
    return cap if earlier is None else min(earlier, cap)


def step(path: Path, node: fx.Node, user: fx.Node, operation: Operation) -> Path:
    """The path behind ``user``, which reads ``node``.

    Raises:
        Obstacle: the operation is none that a unit can pass.
    """
    if operation.kind == "relu":
        return path.activated(operation.cap)
    if operation.kind == "pad":
        _check_pad(path, node, operation)
    if operation.kind in ("same", "pad"):
        return path
    if operation.kind == "pool":
        return _pool(path, user, operation)
    if operation.kind == "reshape":
        return _reshape(path, node, user)
    if operation.kind == "mean":
        return _mean(path, node, user)
    if operation.kind == "cat":
        return _cat(path, node, user)
    if operation.kind == "norm":
        where = "that does not directly follow it" if path.cap is None else "after the ReLU"
        raise Obstacle(f"feeds a batch norm {where} ({operation.label})")
    if operation.kind == "add":
        raise Obstacle(f"feeds an addition ({user.name})")
    if operation.kind == "output":
        raise Obstacle("its output is returned by the model")
    raise Obstacle(f"feeds {operation.label}, which is not supported")


def _check_pad(path: Path, node: fx.Node, operation: Operation) -> None:
    """Zeros around each map: whatever mixes neurons leaves them zeros."""
    if path.axis != 1 or len(shape(node) or ()) != 4:
        raise Obstacle(f"feeds {operation.label} that may pad its neurons")


def _pool(path: Path, user: fx.Node, operation: Operation) -> Path:
    if path.axis != 1 or path.block != 1:
        raise Obstacle(f"feeds {operation.label} with its channels elsewhere than in dimension 1")
    return path.through(pool_kind(operation.label), user.name)


def _reshape(path: Path, node: fx.Node, user: fx.Node) -> Path:
    """Only what equals ``flatten(1)`` keeps a neuron's entries together."""
    before, after = shape(node), shape(user)
    if before is None or after is None:
        raise Obstacle(f"feeds {user.name}, whose shape is unknown")
    flattened = path.axis == 1 and after == (before[0], prod(before[1:]))
    if not flattened and before != after:
        raise Obstacle(f"feeds {user.name}, a reshape other than flatten(1)")
    sizes = _sizes(user)
    width = sizes[path.axis] if len(sizes) > path.axis else None
    if isinstance(width, int) and width > 0:
        given = ", ".join(str(size) for size in sizes)
        raise Obstacle(f"{user.target}({given}) hard-codes its width: write flatten(1)")
    if before == after:
        return path
    positions = prod(before[2:])
    wide = replace(path, start=path.start * positions, block=path.block * positions)
    return wide.through("flatten", user.name)


def _sizes(user: fx.Node) -> tuple[object, ...]:
    """The sizes given to a view or reshape; empty for flatten, which takes none."""
    if user.op == "call_module" or "flatten" in str(user.target):
        return ()
    sizes = user.args[1:] or (user.kwargs.get("shape", user.kwargs.get("size")),)
    first = sizes[0]
    return tuple(first) if isinstance(first, list | tuple) else sizes


def _mean(path: Path, node: fx.Node, user: fx.Node) -> Path:
    before = shape(node)
    dims = argument(user, 1, "dim")
    if before is None or dims is None:
        raise Obstacle(f"feeds {user.name}, a mean over all dimensions")
    dims = [dims] if isinstance(dims, int) else dims
    dims = [d % len(before) for d in dims]
    if path.axis in dims or 0 in dims:
        raise Obstacle(f"feeds {user.name}, a mean over its neurons")
    keep = argument(user, 2, "keepdim", False)
    lost = 0 if keep else sum(d < path.axis for d in dims)
    return replace(path, axis=path.axis - lost).through("avg_pool", user.name)


def _cat(path: Path, node: fx.Node, user: fx.Node) -> Path:
    tensors = list(argument(user, 0, "tensors"))
    before = shape(node)
    assert before is not None
    if argument(user, 1, "dim", 0) % len(before) != path.axis:
        raise Obstacle(f"feeds {user.name}, a concatenation along another dimension")
    if tensors.count(node) > 1:
        raise Obstacle(f"is concatenated with itself ({user.name})")
    ahead = [shape(tensor) for tensor in tensors[: tensors.index(node)]]
    return replace(path, start=path.start + sum(s[path.axis] for s in ahead if s))
