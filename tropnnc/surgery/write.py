"""Write a reduction into a network: fewer rows in the producer, fewer columns in the consumers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor, nn

from tropnnc.depthwise import reduced_rows
from tropnnc.graph.structure import Link, Site
from tropnnc.reduction import Reduction
from tropnnc.surgery.batchnorm import Unfolded, unfold
from tropnnc.surgery.keep import keep_columns, keep_rows
from tropnnc.surgery.read import to_array
from tropnnc.surgery.tensors import replace_parameter, resize, write_input
from tropnnc.unit import Array, BatchNorm, Unit

# Values of a consumer's weight that are mixed at once.
_AT_ONCE = 1 << 24


def write_rows(model: nn.Module, site: Site, unit: Unit, reduction: Reduction) -> None:
    """Give the producer at ``site`` and its depthwise convolutions the rows of ``reduction``.

    Their batch norms are written too. ``unit`` is what the reduction was made from; ``model`` must
    still have its input columns.
    """
    if reduction.selected is not None:
        keep_rows(model, site, reduction.selected)
        return
    own = unfold(unit, reduction.incoming, reduction)
    _write_layer(model, site.producer, site.batch_norm, own)
    theirs = replace(reduction, batch_norm=None)
    for place, stage in zip(site.depthwise, unit.depthwise, strict=True):
        rows = reduced_rows(unit, stage, theirs)
        _write_layer(model, place.name, place.batch_norm, unfold(stage, rows, theirs))


def write_columns(model: nn.Module, site: Site, reduction: Reduction) -> None:
    """Give every consumer of ``site`` the columns, scales and offsets of ``reduction``."""
    if reduction.selected is not None:
        keep_columns(model, site, reduction.selected)
        return
    for index, link in enumerate(site.links):
        module = model.get_submodule(link.consumer)
        assert isinstance(module, nn.Linear | nn.Conv2d)
        stop = link.start + site.neurons * link.block
        old = module.weight.detach()[:, link.start : stop]
        if reduction.outgoing is not None:
            new = _like(old, reduction.outgoing[index].reshape(len(old), -1, *old.shape[2:]))
        else:
            assert reduction.mix is not None
            new = _mixed_columns(old, site.neurons, reduction.mix)
        write_input(module, link.start, stop, new)
        if reduction.row_scale is not None:
            _scale_outputs(module, reduction.row_scale[index])
        if reduction.offset is not None:
            _add_offset(model, module, link, reduction.offset[index])


def mixed(outgoing: Array, mix: Array) -> Array:
    """``C·T`` at every tap: ``[m, n, taps]`` and ``[n, k]`` to ``[m, k, taps]``."""
    rows, neurons, taps = outgoing.shape
    flat = outgoing.transpose(1, 0, 2).reshape(neurons, rows * taps)
    sparse = np.count_nonzero(mix) <= neurons
    new = (csr_array(mix.T) if sparse else mix.T) @ flat
    return new.reshape(-1, rows, taps).transpose(1, 0, 2)


def _mixed_columns(old: Tensor, neurons: int, mix: Array) -> Tensor:
    """:func:`mixed` of the columns ``old`` of a weight, some outputs at a time."""
    parts = []
    for part in old.split(max(1, _AT_ONCE // old[0].numel())):
        new = mixed(to_array(part).reshape(len(part), neurons, -1), mix)
        parts.append(_like(old, new.reshape(len(part), -1, *old.shape[2:])))
    return torch.cat(parts)


def _like(old: Tensor, values: Array) -> Tensor:
    """``values`` with the dtype and the device of ``old``, in memory of their own, in C order."""
    new = torch.empty(values.shape, dtype=old.dtype, device=old.device)
    return new.copy_(torch.from_numpy(values))


def set_parameter(module: nn.Module, name: str, values: Array) -> None:
    """Replace a parameter, keeping its dtype, device and ``requires_grad`` (or the weight's)."""
    old: Tensor | None = getattr(module, name)
    like = old if old is not None else module.get_parameter("weight")
    replace_parameter(module, name, _like(like.detach(), values))


def _set_buffer(module: nn.Module, name: str, values: Array) -> None:
    old = module.get_buffer(name)
    setattr(module, name, torch.from_numpy(values).to(old.device, old.dtype))


def _write_layer(model: nn.Module, name: str, norm: str | None, new: Unfolded) -> None:
    """Other rows for the layer ``name`` and the batch norm behind it."""
    module = model.get_submodule(name)
    assert isinstance(module, nn.Linear | nn.Conv2d)
    width = len(new.filters)
    set_parameter(module, "weight", new.filters.reshape(width, *module.weight.shape[1:]))
    if module.bias is not None or new.bias.any():
        set_parameter(module, "bias", new.bias)
    resize(module, width)
    if new.batch_norm is not None:
        assert norm is not None
        _write_norm(model.get_submodule(norm), new.batch_norm)


def _write_norm(module: nn.Module, batch_norm: BatchNorm) -> None:
    assert isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)
    set_parameter(module, "weight", batch_norm.weight)
    set_parameter(module, "bias", batch_norm.bias)
    _set_buffer(module, "running_mean", batch_norm.running_mean)
    _set_buffer(module, "running_var", batch_norm.running_var)
    resize(module, len(batch_norm.weight))


def _scale_outputs(module: nn.Linear | nn.Conv2d, scale: Array) -> None:
    """Multiply every output by its factor ``scale [m]``, the bias included."""
    weight = to_array(module.weight)
    set_parameter(module, "weight", weight * scale.reshape(-1, *[1] * (weight.ndim - 1)))
    if module.bias is not None:
        set_parameter(module, "bias", to_array(module.bias) * scale)


def _add_offset(model: nn.Module, module: nn.Linear | nn.Conv2d, link: Link, offset: Array) -> None:
    """Into the bias; without one, into the batch norm behind the consumer or a new bias."""
    if module.bias is None and link.batch_norm is not None:
        behind = model.get_submodule(link.batch_norm)
        _set_buffer(behind, "running_mean", to_array(behind.get_buffer("running_mean")) - offset)
        return
    bias = 0.0 if module.bias is None else to_array(module.bias)
    set_parameter(module, "bias", bias + offset)
