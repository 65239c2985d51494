"""A traced network with what every rule asks of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from torch import fx, nn
from torch.nn.modules.conv import _ConvNd

from tropnnc.graph.operations import classify
from tropnnc.graph.structure import Addition, Layer
from tropnnc.graph.trace import shape
from tropnnc.graph.walk import Obstacle


@dataclass(frozen=True)
class Network:
    """The calls of every module and the owners of every parameter."""

    nodes: tuple[fx.Node, ...]
    modules: Mapping[str, nn.Module]
    calls: Mapping[str, tuple[fx.Node, ...]]
    owners: Mapping[int, tuple[str, ...]] = field(repr=False)

    @classmethod
    def of(cls, graph: fx.Graph, model: nn.Module) -> Network:
        """Index ``model``, whose trace is ``graph``."""
        nodes = tuple(graph.nodes)
        calls: dict[str, tuple[fx.Node, ...]] = {}
        for node in nodes:
            if node.op == "call_module":
                calls[str(node.target)] = (*calls.get(str(node.target), ()), node)
        modules = dict(model.named_modules(remove_duplicate=False))
        owners: dict[int, tuple[str, ...]] = {}
        for name, parameter in model.named_parameters(remove_duplicate=False):
            owners[id(parameter)] = (*owners.get(id(parameter), ()), name)
        return cls(nodes, modules, calls, owners)

    def layers(self) -> Iterator[tuple[str, nn.Module]]:
        """Every linear or convolutional layer, in the order of the module tree."""
        for name, module in self.modules.items():
            if isinstance(module, nn.Linear | _ConvNd):
                yield name, module

    def layer(self, node: fx.Node, output: tuple[int, ...], extras: int = 0) -> Layer:
        """Size of the layer called at ``node``, which returns ``output``."""
        module = self.modules[str(node.target)]
        assert isinstance(module, nn.Linear | nn.Conv2d)
        rows, columns, *kernel = module.weight.shape
        positions = prod(output[1:]) // rows
        extras += module.bias is not None
        return Layer(rows, columns, prod(kernel), positions, extras)

    def check_layer(self, name: str) -> None:
        """Raise :class:`Obstacle` unless the layer may be rewritten at all."""
        module = self.modules[name]
        if type(module) not in (nn.Linear, nn.Conv2d):
            raise Obstacle(f"{type(module).__name__} is not supported, only Linear and Conv2d")
        if "weight" not in module._parameters:
            raise Obstacle("its weight is computed from other parameters")
        if isinstance(module, nn.Conv2d) and module.groups != 1:
            raise Obstacle(f"is a grouped convolution ({module.groups} groups)")
        self.check_alone(name)

    def check_alone(self, name: str) -> None:
        """Raise :class:`Obstacle` unless ``name`` is called once and owns its parameters."""
        times = len(self.calls.get(name, ()))
        if times != 1:
            raise Obstacle("is never called" if times == 0 else f"is called {times} times")
        for parameter in self.modules[name].parameters():
            others = self.owners[id(parameter)]
            if len(others) > 1:
                raise Obstacle(f"shares a parameter: {' = '.join(others)}")

    def is_depthwise(self, name: str) -> bool:
        """Whether the layer convolves every channel by itself, and may be rewritten."""
        module = self.modules[name]
        if type(module) is not nn.Conv2d or "weight" not in module._parameters:
            return False
        return 1 < module.groups == module.in_channels == module.out_channels

    def reads_the_input(self, node: fx.Node) -> bool:
        """Whether nothing but pooling and reshaping lies between the model's input and ``node``."""
        source = node.all_input_nodes[0]
        if source.op == "placeholder":
            return True
        passed = classify(source, self.modules).kind in ("same", "pad", "pool", "reshape")
        return passed and self.reads_the_input(source)

    def batch_norm_behind(self, node: fx.Node) -> fx.Node | None:
        """The batch norm that alone reads ``node``, if it can be folded."""
        users = list(node.users)
        if len(users) != 1 or classify(users[0], self.modules).kind != "norm":
            return None
        name = str(users[0].target)
        module = self.modules[name]
        self.check_alone(name)
        if not module.track_running_stats or not module.affine:
            raise Obstacle(f"its batch norm {name} has no running statistics or no weights")
        return users[0]

    def addition_behind(self, node: fx.Node) -> Addition | None:
        """The addition that alone reads ``node``, of two different tensors of one shape."""
        users = list(node.users)
        if len(users) != 1 or classify(users[0], self.modules).kind != "add":
            return None
        addition = users[0]
        others = [other for other in addition.all_input_nodes if other is not node]
        plain = len(addition.args) == 2 and not addition.kwargs
        if not plain or len(others) != 1 or shape(others[0]) != shape(node):
            return None
        return Addition(addition.name, others[0].name)
