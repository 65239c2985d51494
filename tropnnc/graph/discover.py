"""The units of a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import prod

from torch import fx, nn
from torch.nn.modules.conv import _ConvNd

from tropnnc.graph.operations import classify
from tropnnc.graph.structure import Kind, Layer, LeftAlone, Link, Site, Structure
from tropnnc.graph.trace import Example, shape, trace
from tropnnc.graph.walk import Obstacle, Path, step


def discover(model: nn.Module, example: Example) -> Structure:
    """Units and layers left alone of ``model``, which must be in evaluation mode.

    A unit exists iff every path from its producer passes a ReLU and ends in a supported consumer;
    otherwise the first obstacle is the reason.

    Raises:
        TropnncError: the model cannot be traced or does not run on ``example``.
    """
    network = Network.of(trace(model, example), model)
    sites, left_alone = [], []
    for name, module in network.layers():
        try:
            sites.append(network.site(name))
        except Obstacle as obstacle:
            left_alone.append(LeftAlone(name, type(module).__name__, str(obstacle)))
    order = {str(node.target): i for i, node in enumerate(network.nodes)}
    sites.sort(key=lambda site: order[site.producer])
    return Structure(tuple(sites), tuple(left_alone))


@dataclass(frozen=True)
class Network:
    """A traced network with what every rule asks of it."""

    nodes: tuple[fx.Node, ...]
    modules: Mapping[str, nn.Module]
    calls: Mapping[str, tuple[fx.Node, ...]]
    owners: Mapping[int, tuple[str, ...]] = field(repr=False)

    @classmethod
    def of(cls, traced: fx.GraphModule, model: nn.Module) -> Network:
        """Index the calls of every module and the owners of every parameter."""
        nodes = tuple(traced.graph.nodes)
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

    def site(self, name: str) -> Site:
        """The unit whose producer is ``name``.

        Raises:
            Obstacle: there is none.
        """
        self.check_layer(name)
        producer = self.calls[name][0]
        batch_norm = self.batch_norm_behind(producer)
        begin = producer if batch_norm is None else batch_norm
        output = shape(producer)
        if output is None:
            raise Obstacle("it returns no tensor")
        kind: Kind = "linear" if isinstance(self.modules[name], nn.Linear) else "conv"
        axis = len(output) - 1 if kind == "linear" else 1
        ends = list(self.ends(begin, Path(axis)))
        if not ends:
            raise Obstacle("its output is not used")
        links = tuple(self.link(consumer, path) for consumer, path in ends)
        twice = [c for c, times in Counter(link.consumer for link in links).items() if times > 1]
        if twice:
            raise Obstacle(f"reaches {twice[0]} on two ways")
        stages = dict.fromkeys(stage for _, path in ends for stage in path.between)
        norm = None if batch_norm is None else str(batch_norm.target)
        layer = self.layer(producer, output, extras=0 if norm is None else 2)
        return Site(name, kind, layer, output[axis], norm, tuple(stages), links)

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

    def ends(self, node: fx.Node, path: Path) -> Iterator[tuple[fx.Node, Path]]:
        """Every consumer that ``node`` reaches, with the path there."""
        for user in node.users:
            operation = classify(user, self.modules)
            if operation.kind == "layer":
                yield user, path
            elif operation.kind != "size":
                yield from self.ends(user, step(path, node, user, operation))

    def link(self, consumer: fx.Node, path: Path) -> Link:
        """The consumer at the end of ``path``."""
        name = str(consumer.target)
        if not path.relu:
            raise Obstacle(f"no ReLU between it and {name}")
        try:
            self.check_layer(name)
        except Obstacle as obstacle:
            raise Obstacle(f"feeds {name}, which {obstacle}") from None
        source = shape(consumer.all_input_nodes[0])
        wanted = 1 if isinstance(self.modules[name], nn.Conv2d) else len(source or ()) - 1
        if source is None or path.axis != wanted:
            raise Obstacle(f"{name} mixes other dimensions than its neurons")
        output = shape(consumer)
        assert output is not None
        layer = self.layer(consumer, output)
        return Link(name, layer, path.start, path.block, self.norm_name(consumer))

    def norm_name(self, consumer: fx.Node) -> str | None:
        """Name of the batch norm directly behind a consumer."""
        try:
            node = self.batch_norm_behind(consumer)
        except Obstacle:
            return None
        return None if node is None else str(node.target)
