"""A unit: one hidden layer, its ReLU and the layers that consume it, in float64.

The symbols are those of ``theory.md``: ``n`` neurons, ``d`` inputs per neuron, ``m`` outputs of a
consumer, ``taps`` places at which a consumer sees each neuron (kernel offsets of a convolution,
positions of a flattened map).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from math import inf, isinf
from typing import Literal, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from tropnnc.lazy import lazy, replace_unread, unread

Array = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Tier(IntEnum):
    """What a method may see, from least to most; a tier includes those below it."""

    WEIGHTS = 0
    STATISTICS = 1
    IMAGES = 2
    LABELS = 3

    @property
    def label(self) -> str:
        """The tier's name in tables and options."""
        return self.name.lower()


@dataclass(frozen=True)
class Pixels:
    """Input statistics per channel, in the units that the model sees."""

    mean: float | tuple[float, ...] = 0.0
    std: float | tuple[float, ...] = 1.0
    low: float | tuple[float, ...] = -2.2
    high: float | tuple[float, ...] = 2.4


@dataclass(frozen=True)
class BatchNorm:
    """Evaluation-mode parameters of a batch norm, each ``[channels]``."""

    weight: Array
    bias: Array
    running_mean: Array
    running_var: Array
    eps: float

    @property
    def std(self) -> Array:
        """``√(running_var + eps)``, ``[channels]``."""
        return np.sqrt(self.running_var + self.eps)

    @property
    def scale(self) -> Array:
        """The factor ``γ/σ`` that folding puts on each filter, ``[channels]``."""
        return self.weight / self.std

    def of(self, channels: slice | IntArray) -> BatchNorm:
        """That of some ``channels``."""
        return BatchNorm(
            self.weight[channels],
            self.bias[channels],
            self.running_mean[channels],
            self.running_var[channels],
            self.eps,
        )


@dataclass(frozen=True)
class ConvGeometry:
    """How a convolution slides, as ``(vertical, horizontal)`` pairs."""

    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int]
    padding_mode: str

    def __post_init__(self) -> None:
        if len(self.padding) != 4:
            raise ValueError("padding is (left, right, top, bottom)")


@lazy("outgoing")
@dataclass(frozen=True)
class Consumer:
    """One layer that reads a unit.

    Attributes:
        name: module path.
        outgoing: weights ``[m, n, taps]`` on this unit's neurons.
        geometry: of a convolution; ``None`` for a linear layer.
        batch_norm: the batch norm on the consumer's output, if one follows directly.
        shared: it also reads what is not this unit's (a concatenation).
    """

    name: str
    outgoing: Array
    geometry: ConvGeometry | None = None
    batch_norm: BatchNorm | None = None
    shared: bool = False


@dataclass(frozen=True)
class Stage:
    """A per-channel operation between producer and consumer (pooling, dropout, flatten)."""

    kind: str
    name: str
    after_relu: bool


@dataclass(frozen=True)
class Depthwise:
    """A convolution of every channel by itself between a unit's ReLU and its consumers.

    Attributes:
        name: module path.
        incoming: folded rows ``D [n, taps+1]``, bias last.
        filters: raw weights ``[n, taps]``, before folding.
        filter_bias: raw bias ``[n]`` (zeros where it has none).
        batch_norm: directly behind it; hidden from methods of tier ``weights``.
        cap: where the activation behind it is clipped, see :attr:`Unit.cap`; ``None``: there is no
            activation.
    """

    name: str
    incoming: Array
    filters: Array
    filter_bias: Array
    batch_norm: BatchNorm | None
    cap: float | None


Role = Literal["unit_input", "unit_output", "consumer_input", "consumer_output", "addition_loss"]


@dataclass(frozen=True)
class Point:
    """A tensor that a calibration can stream.

    Attributes:
        role: ``unit_input`` is what the producer reads and ``unit_output`` what it returns, before
            its batch norm; ``consumer_input`` is the hidden activation as a consumer reads it,
            ``[b, n, height, width]`` for a convolution, ``[b, n, taps]`` for a linear layer;
            ``consumer_output`` is what the consumer returns; ``addition_loss`` is what the addition
            behind that output has lost so far, in its units (see
            :class:`tropnnc.protocols.SequentialCalibration`).
        network: ``dense`` or ``current`` (as compressed so far); of a loss it says nothing.
        consumer: index into the unit's consumers.
    """

    role: Role
    network: Literal["dense", "current"] = "current"
    consumer: int = 0


class Calibration(Protocol):
    """What a method that needs images sees of them: activations, streamed in batches."""

    @property
    def images(self) -> int:
        """Number of calibration images."""
        ...

    def stream(self, *points: Point) -> Iterator[tuple[torch.Tensor, ...]]:
        """Yield, batch by batch, the tensors at ``points`` for the same images."""
        ...


@dataclass(frozen=True)
class Feed:
    """A unit whose activations another unit's producer reads.

    Attributes:
        unit: as the network has it now.
        start: first of the producer's input columns (channels, features) that is the unit's.
        block: columns per neuron.
    """

    unit: Unit
    start: int
    block: int


@lazy("incoming", "filters")
@dataclass(frozen=True)
class Unit:
    """An immutable view of one hidden layer.

    Attributes:
        name: module path of the producer.
        kind: ``linear`` or ``conv``.
        incoming: ``[n, d+1]``, batch norm folded, bias last.
        consumers: who reads the unit, in the order of the forward pass.
        filters: raw weights ``[n, d]`` of the producer, before folding.
        filter_bias: raw bias ``[n]`` of the producer (zeros where it has none).
        kernel: entries of a filter per input channel; 1 for a linear producer.
        between: what lies between producer and consumers.
        batch_norm: of the producer; hidden from methods of tier ``weights``.
        pixels: input statistics; hidden from methods of tier ``weights``.
        calibration: images; only for methods of their tier and above.
        images: tier of those images: ``images``, or ``statistics`` where they were made from the
            weights file.
        cap: the activation is ``min(max(z, 0), cap)``: infinite for ReLU, 6 for ReLU6.
        depthwise: what every neuron passes by itself after that, in order.
        first: the producer reads the network's input, at most pooled or flattened.
        feeds: reads the units that the producer reads; hidden from methods of tier ``weights``.
        geometry: of a convolutional producer; ``None`` for a linear one.
        is_fitted: the producer's weights are a fit already, made as those of a consumer.
    """

    name: str
    kind: Literal["linear", "conv"]
    incoming: Array
    consumers: tuple[Consumer, ...]
    filters: Array
    filter_bias: Array
    kernel: int = 1
    between: tuple[Stage, ...] = ()
    batch_norm: BatchNorm | None = None
    pixels: Pixels | None = None
    calibration: Calibration | None = None
    cap: float = inf
    depthwise: tuple[Depthwise, ...] = ()
    first: bool = False
    feeds: Callable[[], tuple[Feed, ...]] = tuple
    images: Tier = Tier.IMAGES
    geometry: ConvGeometry | None = None
    is_fitted: bool = False

    @property
    def neurons(self) -> int:
        """``n``."""
        return unread(self, "incoming").shape[0]

    @property
    def is_homogeneous(self) -> bool:
        """Whether a factor on a neuron's row comes out behind it, see :mod:`tropnnc.rescaling`."""
        return isinf(self.cap) and not self.depthwise

    @property
    def own_rows(self) -> Array:
        """What is each neuron's own: ``(w_i, D_i)``, its depthwise rows included, ``[n, ·]``."""
        if not self.depthwise:
            return self.incoming
        return np.concatenate([self.incoming, *(d.incoming for d in self.depthwise)], axis=1)

    @property
    def outgoing(self) -> Array:
        """Outgoing weights of every neuron on all consumers and taps, ``[n, Σ m·taps]``."""
        rows = [c.outgoing.transpose(1, 0, 2).reshape(self.neurons, -1) for c in self.consumers]
        return rows[0] if len(rows) == 1 else np.concatenate(rows, axis=1)

    @property
    def outgoing_norms(self) -> Array:
        """``‖C_i‖ = Σ_p ‖C_{:,i,p}‖``, summed over taps and consumers, ``[n]``."""
        return sum(
            (np.linalg.norm(c.outgoing, axis=0).sum(axis=1) for c in self.consumers),
            start=np.zeros(self.neurons),
        )

    def seen_by(self, tier: Tier) -> Unit:
        """This unit with everything above ``tier`` hidden."""
        unit = self if tier >= self.images else replace_unread(self, calibration=None)
        if tier >= Tier.STATISTICS:
            return unit
        consumers = tuple(replace_unread(c, batch_norm=None) for c in unit.consumers)
        stages = tuple(replace_unread(d, batch_norm=None) for d in unit.depthwise)
        hidden = replace_unread(unit, batch_norm=None, pixels=None, feeds=tuple)
        return replace_unread(hidden, consumers=consumers, depthwise=stages)
