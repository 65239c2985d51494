"""The steps of a forward pass, taken one at a time."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import fx, nn

Values = dict[fx.Node, Any]

_IN_PLACE = {
    operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.imatmul,
    operator.setitem,
}  # fmt: skip


@dataclass(frozen=True)
class Program:
    """The traced graph of a network.

    Attributes:
        graph: as torch.fx traced it.
        steps: its nodes, in order.
        finished: after each step, the nodes whose values no later step reads.
        mutating: the steps that may change a tensor in place, ascending.
    """

    graph: fx.Graph
    steps: tuple[fx.Node, ...]
    finished: tuple[tuple[fx.Node, ...], ...]
    mutating: tuple[int, ...]

    @classmethod
    def of(cls, model: nn.Module) -> Program:
        """Trace ``model``, which is in evaluation mode and known to be traceable."""
        graph = fx.symbolic_trace(model).graph
        steps = tuple(graph.nodes)
        modules = dict(model.named_modules())
        mutating = tuple(i for i, node in enumerate(steps) if _mutates(node, modules))
        return cls(graph, steps, _finished(steps), mutating)

    def mutates(self, start: int, stop: int) -> bool:
        """Whether a step from ``start`` to ``stop`` (exclusive) may change a tensor in place."""
        return any(start <= step < stop for step in self.mutating)


class Runner(fx.Interpreter):
    """Takes single steps of a program with the modules of one network.

    Modules are looked up when they are called: what is written into the network is used at once.
    """

    def __init__(
        self, model: nn.Module, graph: fx.Graph, replaced: Mapping[str, nn.Module] | None = None
    ) -> None:
        """Use ``replaced`` modules instead of the network's own, by module path."""
        super().__init__(model, garbage_collect_values=False, graph=graph)
        self._replaced = replaced or {}

    def call_module(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Call the module, or what replaces it."""
        module = self._replaced[target] if target in self._replaced else self.fetch_attr(target)
        return module(*args, **kwargs)

    def take(self, step: fx.Node, values: Values, images: Any = None) -> None:
        """Add the value of ``step`` to ``values``; ``images`` are the network's input."""
        self.env = values
        self.args_iter = iter(() if images is None else (images,))
        values[step] = self.run_node(step)


def _finished(steps: tuple[fx.Node, ...]) -> tuple[tuple[fx.Node, ...], ...]:
    last: dict[fx.Node, int] = {}
    for index, node in enumerate(steps):
        last[node] = index
        last |= dict.fromkeys(node.all_input_nodes, index)
    finished: list[list[fx.Node]] = [[] for _ in steps]
    for node, index in last.items():
        finished[index].append(node)
    return tuple(map(tuple, finished))


def _mutates(node: fx.Node, modules: Mapping[str, nn.Module]) -> bool:
    """Whether ``node`` may write into its input; a ``True`` among its arguments may be inplace."""
    if node.op == "call_module":
        return bool(getattr(modules[str(node.target)], "inplace", False))
    if node.op == "call_method":
        return str(node.target).endswith("_")
    if node.op != "call_function":
        return False
    name = getattr(node.target, "__name__", "")
    given = (*node.args, *node.kwargs.values())
    flagged = any(value is True for value in given) or "out" in node.kwargs
    return node.target in _IN_PLACE or name.endswith("_") or flagged
