"""What widths cost, without building the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from tropnnc.errors import check_choice
from tropnnc.graph.structure import Site

Budget = Literal["neurons", "parameters", "macs"]


def check_budget(budget: str) -> None:
    """Raise :class:`TropnncError` unless ``budget`` is one of those that exist."""
    check_choice("budget", budget, ("neurons", "parameters", "macs"))


def spent(sites: Sequence[Site], widths: Mapping[str, int], budget: Budget) -> int:
    """Hidden neurons of ``sites``, or parameters or multiply-adds of all layers that they touch.

    A layer between two units has as many rows as the one and as many columns as the other keeps,
    so the cost is a sum of products of widths. Layers whose size no width changes are left out:
    differences are those of the whole network.
    """
    if budget == "neurons":
        return sum(widths[site.producer] for site in sites)
    layers = {link.consumer: link.layer for site in sites for link in site.links}
    layers |= {site.producer: site.layer for site in sites}
    rows = {site.producer: widths[site.producer] for site in sites}
    for site in sites:  # a depthwise convolution has the unit's rows and one column
        layers |= {place.name: place.layer for place in site.depthwise}
        rows |= {place.name: widths[site.producer] for place in site.depthwise}
    columns = {name: layer.columns for name, layer in layers.items()}
    for site in sites:
        for link in site.links:
            columns[link.consumer] -= (site.neurons - widths[site.producer]) * link.block
    total = 0
    for name, layer in layers.items():
        outputs = rows.get(name, layer.rows)
        weights = outputs * columns[name] * layer.kernel
        parameters = weights + outputs * layer.extras
        total += parameters if budget == "parameters" else weights * layer.positions
    return total
