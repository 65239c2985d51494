"""Copies of the modules that a reduction touches, rewritten: the network itself stays."""

from __future__ import annotations

from collections.abc import Iterator

from torch import nn

from tropnnc.graph.structure import Site
from tropnnc.reduction import Reduction
from tropnnc.surgery import sharing_copy, write_columns, write_rows
from tropnnc.unit import Unit


def patched(model: nn.Module, site: Site, unit: Unit, reduction: Reduction) -> dict[str, nn.Module]:
    """What the modules of ``site`` become by ``reduction``, by module path."""
    root, names = nn.Module(), list(touched(site))
    for name in names:
        _place(root, name, sharing_copy(model.get_submodule(name)))
    write_rows(root, site, unit, reduction)
    write_columns(root, site, reduction)
    return {name: root.get_submodule(name) for name in names}


def touched(site: Site) -> Iterator[str]:
    """Module paths of all that belongs to the unit at ``site``."""
    places = [(site.producer, site.batch_norm)]
    places += [(place.name, place.batch_norm) for place in site.depthwise]
    places += [(link.consumer, link.batch_norm) for link in site.links]
    for layer, norm in places:
        yield layer
        if norm is not None:
            yield norm


def _place(root: nn.Module, name: str, module: nn.Module) -> None:
    """Put ``module`` where ``root.get_submodule(name)`` finds it."""
    *path, last = name.split(".")
    for part in path:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    root.add_module(last, module)
