"""The units of a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from torch import fx, nn

from tropnnc.graph.network import Network
from tropnnc.graph.operations import classify
from tropnnc.graph.structure import DepthwisePlace, Kind, LeftAlone, Link, Site, Structure
from tropnnc.graph.trace import Example, as_inputs, macs, shape, trace
from tropnnc.graph.walk import Obstacle, Path, step

End = tuple[fx.Node, Path]


def discover(model: nn.Module, example: Example) -> Structure:
    """Units and layers left alone of ``model``, which must be in evaluation mode.

    A unit exists iff every path from its producer passes a ReLU and ends in a supported consumer;
    otherwise the first obstacle is the reason. A depthwise convolution between the two belongs to
    the unit.

    Raises:
        TropnncError: the model cannot be traced or does not run on ``example``.
    """
    network = Network.of(trace(model, example), model)
    sites, left_alone = [], []
    for name, module in network.layers():
        try:
            sites.append(_site(network, name))
        except Obstacle as obstacle:
            left_alone.append(LeftAlone(name, type(module).__name__, str(obstacle)))
    order = {str(node.target): i for i, node in enumerate(network.nodes)}
    sites.sort(key=lambda site: order[site.producer])
    owned = {place.name for site in sites for place in site.depthwise}
    left_alone = [item for item in left_alone if item.name not in owned]
    return Structure(tuple(sites), tuple(left_alone), _macs(network, len(as_inputs(example)[0])))


def _macs(network: Network, samples: int) -> Mapping[str, int]:
    """Per sample: of the network and of its modules."""
    counts = {"": sum(macs(node) for node in network.nodes)}
    for name, nodes in network.calls.items():
        counts[name] = sum(macs(node) for node in nodes)
    return {name: count // samples for name, count in counts.items()}


def _site(network: Network, name: str) -> Site:
    """The unit whose producer is ``name``.

    Raises:
        Obstacle: there is none.
    """
    network.check_layer(name)
    producer = network.calls[name][0]
    batch_norm = network.batch_norm_behind(producer)
    output = shape(producer)
    if output is None:
        raise Obstacle("it returns no tensor")
    kind: Kind = "linear" if isinstance(network.modules[name], nn.Linear) else "conv"
    axis = len(output) - 1 if kind == "linear" else 1
    ends = list(_ends(network, batch_norm or producer, Path(axis, output[axis])))
    if not ends:
        raise Obstacle("its output is not used")
    links = tuple(_link(network, consumer, path) for consumer, path in ends)
    twice = [c for c, times in Counter(link.consumer for link in links).items() if times > 1]
    if twice:
        raise Obstacle(f"reaches {twice[0]} on two ways")
    cap, depthwise = _common(ends)
    return Site(
        producer=name,
        kind=kind,
        layer=network.layer(producer, output, extras=0 if batch_norm is None else 2),
        neurons=output[axis],
        batch_norm=None if batch_norm is None else str(batch_norm.target),
        between=tuple(dict.fromkeys(stage for _, path in ends for stage in path.between)),
        links=links,
        cap=cap,
        depthwise=depthwise,
        first=network.reads_the_input(producer),
    )


def _common(ends: Sequence[End]) -> tuple[float, tuple[DepthwisePlace, ...]]:
    """Activation and depthwise convolutions of the unit, the same on every path."""
    first = ends[0][1]
    if any(path.depthwise != first.depthwise for _, path in ends):
        names = dict.fromkeys(place.name for _, path in ends for place in path.depthwise)
        raise Obstacle(f"not every path from it passes the same depthwise {', '.join(names)}")
    if any(path.cap != first.cap for _, path in ends):
        raise Obstacle("passes ReLUs that clip at different values on different paths")
    assert first.cap is not None
    return first.cap, first.depthwise


def _ends(network: Network, node: fx.Node, path: Path) -> Iterator[End]:
    """Every consumer that ``node`` reaches, with the path there."""
    for user in node.users:
        operation = classify(user, network.modules)
        if operation.kind == "layer":
            if _belongs(network, user, path):
                yield from _behind_depthwise(network, user, path)
            else:
                yield user, path
        elif operation.kind != "size":
            yield from _ends(network, user, step(path, node, user, operation))


def _belongs(network: Network, node: fx.Node, path: Path) -> bool:
    """Whether the layer at ``node`` is a depthwise convolution of this unit and nothing else."""
    name, sizes = str(node.target), shape(node.all_input_nodes[0])
    if path.cap is None or not network.is_depthwise(name) or sizes is None:
        return False
    # Neurons that share the channels with others start behind them, or leave some over.
    return (path.axis, path.start, path.block) == (1, 0, 1) and path.neurons == sizes[1]


def _behind_depthwise(network: Network, node: fx.Node, path: Path) -> Iterator[End]:
    name, output = str(node.target), shape(node)
    assert output is not None
    try:
        network.check_alone(name)
    except Obstacle as obstacle:
        raise Obstacle(f"feeds {name}, which {obstacle}") from None
    norm = network.batch_norm_behind(node)
    layer = network.layer(node, output, extras=0 if norm is None else 2)
    place = DepthwisePlace(name, layer, None if norm is None else str(norm.target))
    yield from _ends(network, norm or node, path.past(place))


def _link(network: Network, consumer: fx.Node, path: Path) -> Link:
    """The consumer at the end of ``path``."""
    name = str(consumer.target)
    if path.cap is None:
        raise Obstacle(f"no ReLU between it and {name}")
    try:
        network.check_layer(name)
    except Obstacle as obstacle:
        raise Obstacle(f"feeds {name}, which {obstacle}") from None
    source = shape(consumer.all_input_nodes[0])
    wanted = 1 if isinstance(network.modules[name], nn.Conv2d) else len(source or ()) - 1
    if source is None or path.axis != wanted:
        raise Obstacle(f"{name} mixes other dimensions than its neurons")
    output = shape(consumer)
    assert output is not None
    layer = network.layer(consumer, output)
    norm = _norm(network, consumer)
    return Link(
        name, layer, path.start, path.block,
        batch_norm=None if norm is None else str(norm.target),
        addition=network.addition_behind(norm or consumer),
    )  # fmt: skip


def _norm(network: Network, consumer: fx.Node) -> fx.Node | None:
    """The batch norm directly behind a consumer."""
    try:
        return network.batch_norm_behind(consumer)
    except Obstacle:
        return None
