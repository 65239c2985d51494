"""Where the units of a network are: names and positions, no weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from typing import Literal

from tropnnc.unit import Stage

Kind = Literal["linear", "conv"]


@dataclass(frozen=True)
class Layer:
    """What a layer's cost follows from, as the dense network has it.

    Attributes:
        rows: outputs (features, channels).
        columns: inputs (features, channels).
        kernel: weights per row and column.
        positions: places per sample at which every weight is multiplied once.
        extras: parameters per row beside the weights: bias, and batch norm behind a producer.
    """

    rows: int
    columns: int
    kernel: int
    positions: int
    extras: int


@dataclass(frozen=True)
class DepthwisePlace:
    """A depthwise convolution between a unit's ReLU and its consumers.

    Attributes:
        name: module path.
        layer: its size, one column.
        batch_norm: module path of the batch norm directly behind it, if any.
        cap: where the activation behind it is clipped; ``None`` where there is none.
    """

    name: str
    layer: Layer
    batch_norm: str | None
    cap: float | None = None


@dataclass(frozen=True)
class Addition:
    """An addition that a consumer's output reaches, at most through its batch norm.

    Attributes:
        node: its name in the traced graph.
        addend: name of the node whose value is added.
    """

    node: str
    addend: str


@dataclass(frozen=True)
class Link:
    """How one consumer reads a unit.

    Attributes:
        consumer: module path.
        layer: size of the consumer.
        start: first of the consumer's input columns (channels, features) that is this unit's.
        block: columns per neuron: 1, or the positions of a flattened map.
        batch_norm: module path of the batch norm directly behind the consumer, if any.
        addition: that the consumer's output reaches linearly, if any.
    """

    consumer: str
    layer: Layer
    start: int
    block: int
    batch_norm: str | None
    addition: Addition | None = None


@dataclass(frozen=True)
class Site:
    """A unit's place in the network.

    Attributes:
        producer: module path; the unit's name.
        kind: of the producer.
        layer: size of the producer.
        neurons: ``n``.
        batch_norm: module path of the producer's batch norm, if any.
        between: what lies between producer and consumers.
        links: the consumers, in the order of the forward pass.
        cap: where the unit's ReLU is clipped: infinite, or 6 for ReLU6.
        depthwise: the depthwise convolutions behind it, in order.
        first: the producer reads the network's input, at most pooled or flattened.
    """

    producer: str
    kind: Kind
    layer: Layer
    neurons: int
    batch_norm: str | None
    between: tuple[Stage, ...]
    links: tuple[Link, ...]
    cap: float = inf
    depthwise: tuple[DepthwisePlace, ...] = ()
    first: bool = False


@dataclass(frozen=True)
class LeftAlone:
    """A layer that no unit owns, and why."""

    name: str
    kind: str
    reason: str


@dataclass(frozen=True)
class Structure:
    """What can be said of a network without its weights.

    Attributes:
        sites: all units in topological order.
        left_alone: the other layers.
        macs: multiply-adds per sample of every called module that is traced as one; of the whole
            network under ``""``.
    """

    sites: tuple[Site, ...]
    left_alone: tuple[LeftAlone, ...]
    macs: Mapping[str, int] = field(repr=False)


def narrowed(sites: Sequence[Site], done: Site, width: int) -> list[Site]:
    """``sites`` after ``done`` was cut to ``width``: links behind it in a consumer move up.

    ``done`` itself has ``width`` neurons then, as whoever reads it sees.
    """
    removed = {link.consumer: (link, (done.neurons - width) * link.block) for link in done.links}

    def is_behind(link: Link) -> bool:
        return link.consumer in removed and link.start > removed[link.consumer][0].start

    def moved(link: Link) -> Link:
        if not is_behind(link):
            return link
        return replace(link, start=link.start - removed[link.consumer][1])

    def cut(site: Site) -> Site:
        if any(is_behind(link) for link in site.links):
            site = replace(site, links=tuple(moved(link) for link in site.links))
        return replace(site, neurons=width) if site.producer == done.producer else site

    return [cut(site) for site in sites]
