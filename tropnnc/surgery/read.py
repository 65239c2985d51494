"""A unit's weights as float64 arrays, batch norm folded."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tropnnc.graph.structure import DepthwisePlace, Link, Site
from tropnnc.unit import (
    Array,
    BatchNorm,
    Calibration,
    Consumer,
    ConvGeometry,
    Depthwise,
    Pixels,
    Unit,
)


def to_array(tensor: Tensor) -> Array:
    """A float64 copy on the CPU."""
    return tensor.detach().to("cpu", torch.float64).numpy().copy()


def read_unit(
    model: nn.Module,
    site: Site,
    pixels: Pixels | None = None,
    calibration: Calibration | None = None,
) -> Unit:
    """The unit at ``site`` as ``model`` has it now."""
    producer = model.get_submodule(site.producer)
    filters, bias = read_layer(producer)
    batch_norm = None if site.batch_norm is None else read_norm(model, site.batch_norm)
    return Unit(
        name=site.producer,
        kind=site.kind,
        incoming=fold(filters, bias, batch_norm),
        consumers=tuple(read_consumer(model, link, site.neurons) for link in site.links),
        filters=filters,
        filter_bias=bias,
        kernel=site.layer.kernel,
        between=site.between,
        batch_norm=batch_norm,
        pixels=pixels,
        calibration=calibration,
        cap=site.cap,
        depthwise=tuple(read_depthwise(model, place) for place in site.depthwise),
    )


def read_layer(module: nn.Module) -> tuple[Array, Array]:
    """Filters ``[n, d]`` and bias ``[n]`` (zeros where there is none)."""
    assert isinstance(module, nn.Linear | nn.Conv2d)
    weight = to_array(module.weight)
    bias = np.zeros(len(weight)) if module.bias is None else to_array(module.bias)
    return weight.reshape(len(weight), -1), bias


def read_depthwise(model: nn.Module, place: DepthwisePlace) -> Depthwise:
    """The depthwise convolution at ``place``."""
    filters, bias = read_layer(model.get_submodule(place.name))
    batch_norm = None if place.batch_norm is None else read_norm(model, place.batch_norm)
    rows = fold(filters, bias, batch_norm)
    return Depthwise(place.name, rows, filters, bias, batch_norm, place.cap)


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


def fold(filters: Array, bias: Array, batch_norm: BatchNorm | None) -> Array:
    """Rows ``[n, d+1]``, bias last: what the ReLU sees in evaluation mode."""
    if batch_norm is not None:
        scale = batch_norm.scale
        filters = filters * scale[:, None]
        bias = batch_norm.bias + scale * (bias - batch_norm.running_mean)
    return np.concatenate([filters, bias[:, None]], axis=1)


def read_consumer(model: nn.Module, link: Link, neurons: int) -> Consumer:
    """The consumer's weights on the unit's ``neurons``, ``[m, n, taps]``."""
    module = model.get_submodule(link.consumer)
    assert isinstance(module, nn.Linear | nn.Conv2d)
    columns = module.weight[:, link.start : link.start + neurons * link.block]
    outgoing = to_array(columns).reshape(len(columns), neurons, -1)
    batch_norm = None if link.batch_norm is None else read_norm(model, link.batch_norm)
    geometry = read_geometry(module) if isinstance(module, nn.Conv2d) else None
    return Consumer(link.consumer, outgoing, geometry, batch_norm)


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
