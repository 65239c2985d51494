"""Units built from random numbers, and what they compute, by torch's own layers in float64."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tropnnc.reduction import Reduction
from tropnnc.surgery.read import fold
from tropnnc.unit import Array, BatchNorm, Consumer, ConvGeometry, IntArray, Point, Unit

KINDS = ("linear", "conv", "flatten", "shared")
OUTPUTS = 4
# Input shape of each kind; a convolutional producer is 3 × 3, padded by one pixel.
INPUTS = {"linear": (6,), "conv": (2, 7, 6), "flatten": (2, 3, 3), "shared": (2, 7, 6)}

STRIDED = ConvGeometry((3, 2), (2, 1), (1, 0, 2, 1), (1, 2), "zeros")
POINTWISE = ConvGeometry((1, 1), (1, 1), (0, 0, 0, 0), (1, 1), "zeros")


def make_unit(kind: str, rng: np.random.Generator, neurons: int = 10) -> Unit:
    """A random unit: linear, conv to conv, conv to flattened linear, or conv to two convs."""
    inputs = 6 if kind == "linear" else 2 * 9
    filters, bias = rng.normal(size=(neurons, inputs)), rng.normal(size=neurons)
    geometries = {"conv": [STRIDED], "shared": [STRIDED, POINTWISE]}.get(kind, [None])
    consumers = [
        _consumer(i, kind, geometry, neurons, rng) for i, geometry in enumerate(geometries)
    ]
    return Unit(
        name="producer",
        kind="linear" if kind == "linear" else "conv",
        incoming=np.column_stack([filters, bias]),
        consumers=tuple(consumers),
        filters=filters,
        filter_bias=bias,
    )


def _consumer(
    index: int, kind: str, geometry: ConvGeometry | None, neurons: int, rng: np.random.Generator
) -> Consumer:
    if geometry is None:
        taps = 1 if kind == "linear" else 9
    else:
        taps = int(np.prod(geometry.kernel_size))
    return Consumer(f"consumer{index}", rng.normal(size=(OUTPUTS, neurons, taps)), geometry)


def with_weights(unit: Unit, incoming: Array, outgoing: tuple[Array, ...]) -> Unit:
    """The unit with other weights (no batch norm)."""
    consumers = zip(unit.consumers, outgoing, strict=True)
    return replace(
        unit,
        incoming=incoming,
        filters=incoming[:, :-1],
        filter_bias=incoming[:, -1],
        consumers=tuple(replace(consumer, outgoing=new) for consumer, new in consumers),
    )


def batch_normed(unit: Unit, rng: np.random.Generator, negative: bool = False) -> Unit:
    """The unit with a random batch norm behind its filters, some γ below 0 if ``negative``."""
    n = unit.neurons
    weight = rng.uniform(0.5, 1.5, n) * (rng.choice([-1.0, 1.0], n) if negative else 1.0)
    bias, mean = rng.normal(size=n), rng.normal(size=n)
    norm = BatchNorm(weight, bias, mean, rng.uniform(0.3, 3.0, n), 1e-5)
    return with_norm(unit, norm)


def with_norm(unit: Unit, norm: BatchNorm) -> Unit:
    """The unit with ``norm`` behind its raw filters, folded."""
    raw = np.column_stack([unit.filters, unit.filter_bias])
    return replace(unit, batch_norm=norm, incoming=fold(raw, norm))


def rescaled(unit: Unit, scale: Array) -> Unit:
    """Neuron i's incoming weights times ``scale[i]``, its outgoing ones divided by it."""
    outgoing = tuple(c.outgoing / scale[:, None] for c in unit.consumers)
    return with_weights(unit, unit.incoming * scale[:, None], outgoing)


def mix_of(reduction: Reduction) -> Array:
    """``T``, which the reduction must have."""
    assert reduction.mix is not None
    return reduction.mix


def kept_of(reduction: Reduction) -> list[int]:
    """The selected neurons."""
    assert reduction.kept is not None
    return reduction.kept.tolist()


def clusters_of(reduction: Reduction) -> IntArray:
    """The cluster of each neuron."""
    assert reduction.clusters is not None
    return reduction.clusters


def reduced(unit: Unit, reduction: Reduction) -> Unit:
    """The unit rewritten by the definition: rows ``W̃``, columns ``C·T`` or fitted at every tap."""
    if reduction.outgoing is not None:
        return with_weights(unit, reduction.incoming, reduction.outgoing)
    outgoing = [np.einsum("mnp,nk->mkp", c.outgoing, mix_of(reduction)) for c in unit.consumers]
    return with_weights(unit, reduction.incoming, tuple(outgoing))


def random_inputs(unit: Unit, kind: str, rng: np.random.Generator, count: int = 6) -> Tensor:
    """Inputs ``[count, …]`` of the producer."""
    return torch.from_numpy(rng.normal(size=(count, *INPUTS[kind])))


def hidden(unit: Unit, inputs: Tensor) -> Tensor:
    """``relu(W u)``, ``[b, n]`` or ``[b, n, height, width]``."""
    weight, bias = torch.from_numpy(unit.incoming[:, :-1]), torch.from_numpy(unit.incoming[:, -1])
    if unit.kind == "linear":
        return F.linear(inputs, weight, bias).relu()
    return F.conv2d(inputs, weight.reshape(unit.neurons, -1, 3, 3), bias, padding=1).relu()


def consumed(consumer: Consumer, activations: Tensor) -> Tensor:
    """The consumer's output without its bias, ``[b, m]`` or ``[b, m, height, width]``."""
    weight = torch.from_numpy(consumer.outgoing)
    geometry = consumer.geometry
    if geometry is None:
        return F.linear(activations.flatten(1), weight.flatten(1))
    return F.conv2d(
        F.pad(activations, geometry.padding),
        weight.reshape(*weight.shape[:2], *geometry.kernel_size),
        stride=geometry.stride,
        dilation=geometry.dilation,
    )


def outputs(unit: Unit, inputs: Tensor) -> list[Tensor]:
    """``v(x)`` of each consumer, one row per output vector: ``[b·places, m]``."""
    activations = hidden(unit, inputs)
    values = [consumed(consumer, activations) for consumer in unit.consumers]
    return [v.flatten(2).mT.flatten(0, 1) if v.ndim == 4 else v for v in values]


def difference(unit: Unit, reduction: Reduction, inputs: Tensor) -> float:
    """``max ‖v − ṽ‖`` over inputs and places, the consumers' errors added."""
    before, after = outputs(unit, inputs), outputs(reduced(unit, reduction), inputs)
    if reduction.offset is not None:
        shifts = (torch.from_numpy(offset) for offset in reduction.offset)
        after = [a + shift for a, shift in zip(after, shifts, strict=True)]
    return sum(float((a - b).norm(dim=1).max()) for a, b in zip(before, after, strict=True))


def patch_radius(unit: Unit, inputs: Tensor) -> float:
    """``ρ``: the largest norm of a patch with the constant appended."""
    patches = inputs[..., None] if unit.kind == "linear" else F.unfold(inputs, 3, padding=1)
    return float((patches.square().sum(dim=1) + 1).sqrt().max())


@dataclass(frozen=True)
class Activations:
    """A calibration that streams given consumer inputs, one tensor per consumer."""

    consumer_inputs: tuple[Tensor, ...]
    batch_size: int = 4

    @property
    def images(self) -> int:
        return len(self.consumer_inputs[0])

    def stream(self, *points: Point) -> Iterator[tuple[Tensor, ...]]:
        assert all(point.role == "consumer_input" for point in points)
        wanted = [self.consumer_inputs[point.consumer] for point in points]
        yield from zip(*(tensor.split(self.batch_size) for tensor in wanted), strict=True)


def own_activations(
    unit: Unit, kind: str, rng: np.random.Generator, batch_size: int = 4
) -> Activations:
    """A calibration of the unit on its own activations for twelve random inputs."""
    activations = hidden(unit, random_inputs(unit, kind, rng, count=12))
    if kind in ("linear", "flatten"):
        activations = activations.flatten(2) if kind == "flatten" else activations[..., None]
    return Activations(tuple(activations for _ in unit.consumers), batch_size)
