"""Keep some neurons as they are: slices of tensors, in their own dtype and on their own device."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tropnnc.graph.structure import Site
from tropnnc.surgery.tensors import replace_parameter, resize, write_input
from tropnnc.unit import IntArray


def keep_rows(model: nn.Module, site: Site, kept: IntArray) -> None:
    """Leave the rows ``kept [k]`` of the producer, of what is depthwise and of their norms."""
    indices = torch.from_numpy(kept)
    for place in (site, *site.depthwise):
        name = place.producer if isinstance(place, Site) else place.name
        for path in (name, place.batch_norm):
            if path is not None:
                _keep(model.get_submodule(path), indices)


def keep_columns(model: nn.Module, site: Site, kept: IntArray) -> None:
    """Leave the columns of the neurons ``kept [k]`` in every consumer."""
    for link in site.links:
        module = model.get_submodule(link.consumer)
        assert isinstance(module, nn.Linear | nn.Conv2d)
        neurons = torch.from_numpy(kept)[:, None]
        columns = link.start + neurons * link.block + torch.arange(link.block)
        weight = module.weight.detach()
        stop = link.start + site.neurons * link.block
        write_input(module, link.start, stop, _rows(weight, columns.flatten(), dim=1))


def _keep(module: nn.Module, indices: Tensor) -> None:
    """Leave the outputs at ``indices`` of a layer, or the channels of a norm."""
    for name, parameter in list(module.named_parameters(recurse=False)):
        replace_parameter(module, name, _rows(parameter.detach(), indices))
    for name, buffer in list(module.named_buffers(recurse=False)):
        if buffer.ndim:  # not the number of batches seen
            setattr(module, name, _rows(buffer, indices))
    resize(module, len(indices))


def _rows(tensor: Tensor, indices: Tensor, dim: int = 0) -> Tensor:
    return tensor.index_select(dim, indices.to(tensor.device))
