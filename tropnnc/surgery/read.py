"""A unit's weights as float64 arrays, batch norm folded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn

from tropnnc.graph.structure import DepthwisePlace, Link, Site
from tropnnc.lazy import later
from tropnnc.unit import (
    Array,
    BatchNorm,
    Calibration,
    Consumer,
    ConvGeometry,
    Depthwise,
    Feed,
    Pixels,
    Tier,
    Unit,
)


def to_array(tensor: Tensor) -> Array:
    """A float64 copy on the CPU, in C order."""
    return torch.empty(tensor.shape, dtype=torch.float64).copy_(tensor.detach()).numpy()


def read_unit(
    model: nn.Module,
    site: Site,
    pixels: Pixels | None = None,
    calibration: Calibration | None = None,
    sites: Sequence[Site] = (),
    images: Tier = Tier.IMAGES,
    is_fitted: bool = False,
) -> Unit:
    """The unit at ``site`` as ``model`` has it now, its weights read when they are first used.

    ``sites`` are those whose units may feed it; the other arguments are handed on as they are.
    """
    producer = model.get_submodule(site.producer)
    batch_norm = None if site.batch_norm is None else read_norm(model, site.batch_norm)
    # Of the tensors of now, whenever they are read: surgery replaces tensors, it changes none.
    weight, bias = _tensors(producer)
    raw = _reader(weight, bias)

    def folded(part: slice) -> Array:
        return fold(raw(part), None if batch_norm is None else batch_norm.of(part))

    rows, columns = len(weight), weight[0].numel()
    return Unit(
        name=site.producer,
        kind=site.kind,
        incoming=later(folded, (rows, columns + 1)),
        consumers=tuple(read_consumer(model, link, site.neurons) for link in site.links),
        filters=later(lambda part: raw(part)[:, :-1], (rows, columns)),
        filter_bias=np.zeros(rows) if bias is None else to_array(bias),
        kernel=site.layer.kernel,
        between=site.between,
        batch_norm=batch_norm,
        pixels=pixels,
        calibration=calibration,
        cap=site.cap,
        depthwise=tuple(read_depthwise(model, place) for place in site.depthwise),
        first=site.first,
        feeds=feeds_of(model, site, pixels, sites),
        images=images,
        geometry=read_geometry(producer) if isinstance(producer, nn.Conv2d) else None,
        is_fitted=is_fitted,
    )


def feeds_of(
    model: nn.Module, site: Site, pixels: Pixels | None, sites: Sequence[Site]
) -> Callable[[], tuple[Feed, ...]]:
    """Reads, when called, the units among ``sites`` that the producer at ``site`` reads."""

    def read() -> tuple[Feed, ...]:
        return tuple(
            Feed(read_unit(model, other, pixels, sites=sites), link.start, link.block)
            for other in sites
            for link in other.links
            if link.consumer == site.producer
        )

    return read


def _reader(weight: Tensor, bias: Tensor | None) -> Callable[[slice], Array]:
    """What gives some of the raw rows; all of them, which are much memory, it makes once."""
    whole = cache(lambda: _rows(weight, bias))

    def raw(part: slice) -> Array:
        if part == slice(None):
            return whole()
        return _rows(weight[part], None if bias is None else bias[part])

    return raw


def read_rows(module: nn.Module) -> Array:
    """Raw rows ``[n, d+1]``, bias last (zero where there is none)."""
    return _rows(*_tensors(module))


def _tensors(module: nn.Module) -> tuple[Tensor, Tensor | None]:
    assert isinstance(module, nn.Linear | nn.Conv2d)
    return module.weight.detach(), None if module.bias is None else module.bias.detach()


def _rows(weight: Tensor, bias: Tensor | None) -> Array:
    """Side by side, without another copy."""
    rows = torch.empty(len(weight), weight[0].numel() + 1, dtype=torch.float64)
    rows[:, :-1].view(weight.shape).copy_(weight)
    rows[:, -1] = 0.0 if bias is None else bias
    return rows.numpy()


def read_depthwise(model: nn.Module, place: DepthwisePlace) -> Depthwise:
    """The depthwise convolution at ``place``."""
    raw = read_rows(model.get_submodule(place.name))
    batch_norm = None if place.batch_norm is None else read_norm(model, place.batch_norm)
    rows = fold(raw, batch_norm)
    return Depthwise(place.name, rows, raw[:, :-1], raw[:, -1], batch_norm, place.cap)


def read_norm(model: nn.Module, name: str) -> BatchNorm:
    """The batch norm at ``name``."""
    module = model.get_submodule(name)
    assert isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
    mean, variance = module.running_mean, module.running_var
    assert mean is not None
    assert variance is not None
    return BatchNorm(
        to_array(module.weight), to_array(module.bias), to_array(mean), to_array(variance),
        module.eps,
    )  # fmt: skip


def fold(raw: Array, batch_norm: BatchNorm | None) -> Array:
    """Rows ``[n, d+1]``, bias last: what the ReLU sees in evaluation mode.

    The ``raw`` rows themselves, no copy, where there is no batch norm.
    """
    if batch_norm is None:
        return raw
    scale = batch_norm.scale
    rows = raw * scale[:, None]
    rows[:, -1] = batch_norm.bias + scale * (raw[:, -1] - batch_norm.running_mean)
    return rows


def read_consumer(model: nn.Module, link: Link, neurons: int) -> Consumer:
    """The consumer and its weights on the unit's ``neurons``, ``[m, n, taps]``."""
    module = model.get_submodule(link.consumer)
    assert isinstance(module, nn.Linear | nn.Conv2d)
    columns = module.weight.detach()[:, link.start : link.start + neurons * link.block]
    taps = columns[0].numel() // neurons

    def outgoing(part: slice) -> Array:
        return to_array(columns[part]).reshape(-1, neurons, taps)

    batch_norm = None if link.batch_norm is None else read_norm(model, link.batch_norm)
    geometry = read_geometry(module) if isinstance(module, nn.Conv2d) else None
    weights = later(outgoing, (len(columns), neurons, taps))
    shared = columns.shape[1] < module.weight.shape[1]
    return Consumer(link.consumer, weights, geometry, batch_norm, shared)


def read_geometry(module: nn.Conv2d) -> ConvGeometry:
    """How a convolution slides, its padding resolved to ``(left, right, top, bottom)``."""
    height, width = module.kernel_size
    stride, dilation = module.stride, module.dilation
    left, right, top, bottom = module._reversed_padding_repeated_twice
    return ConvGeometry(
        kernel_size=(height, width),
        stride=(stride[0], stride[1]),
        padding=(left, right, top, bottom),
        dilation=(dilation[0], dilation[1]),
        padding_mode=module.padding_mode,
    )
