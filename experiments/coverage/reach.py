"""How much of a network its units can shrink, and why the rest is left alone."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Literal

from experiments.coverage.models import on_meta
from tropnnc.cost import count
from tropnnc.errors import TropnncError
from tropnnc.graph import Structure, discover
from tropnnc.graph.structure import Layer

# What follows a reason's kind: names of layers (``block1-0.f.a``), of operations, group numbers.
_NAMES = (
    (re.compile(r" \([^()]*\)"), ""),
    (re.compile(r"(the same depthwise) .*"), r"\1 convolutions"),
    (re.compile(r"([A-Z]\w+) [\w.-]+(?=,)"), r"\1"),
    (re.compile(r"^feeds [\w.-]+(?=, which is a grouped)"), "feeds a layer"),
    (re.compile(r"(between it and) [\w.-]+"), r"\1 the next layer"),
    (re.compile(r"\b([a-z]+)_\d+\b"), r"\1"),
)


@dataclass(frozen=True)
class Reach:
    """Of one classifier.

    Attributes:
        model: name.
        parameters: of the whole network.
        units: number of them.
        parameters_share: parameters in rows and columns that a unit may shrink, over all.
        macs_share: multiply-adds likewise.
        reasons: layers left alone by kind of reason.
        error: why the network cannot be opened at all, otherwise empty.
    """

    model: str
    parameters: int
    units: int
    parameters_share: float
    macs_share: float
    reasons: Counter[str]
    error: str = ""


def reach(name: str) -> Reach:
    """Discover the classifier ``name`` on the meta device: no weight, no image is held."""
    model, example = on_meta(name)
    parameters = sum(p.numel() for p in model.parameters())
    try:
        structure = discover(model, example)
    except TropnncError as error:
        return Reach(name, parameters, 0, 0.0, 0.0, Counter(), str(error))
    # Counting multiply-adds takes as long as all the rest.
    macs = count(model, example).macs if structure.sites else 1
    return Reach(
        model=name,
        parameters=parameters,
        units=len(structure.sites),
        parameters_share=within(structure, "parameters") / parameters,
        macs_share=within(structure, "macs") / macs,
        reasons=Counter(kind_of(item.reason) for item in structure.left_alone),
    )


def within(structure: Structure, cost: Literal["parameters", "macs"]) -> int:
    """Parameters or multiply-adds in a row or a column of a unit.

    All of a producer, of its batch norm and of its depthwise convolutions; of a layer that only
    consumes, the columns that are a unit's.
    """
    whole = {site.producer: site.layer for site in structure.sites}
    for site in structure.sites:
        whole |= {place.name: place.layer for place in site.depthwise}
    total = sum(_cost(layer, layer.columns, cost) for layer in whole.values())
    for site in structure.sites:
        for link in site.links:
            if link.consumer not in whole:
                columns = site.neurons * link.block
                total += _cost(link.layer, columns, cost, own_rows=False)
    return total


def _cost(
    layer: Layer, columns: int, cost: Literal["parameters", "macs"], own_rows: bool = True
) -> int:
    weights = layer.rows * columns * layer.kernel
    if cost == "macs":
        return weights * layer.positions
    return weights + layer.rows * layer.extras * own_rows


def kind_of(reason: str) -> str:
    """A reason without the names in it."""
    for pattern, replacement in _NAMES:
        reason = pattern.sub(replacement, reason)
    return reason
