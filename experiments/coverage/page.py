"""``docs/torchvision.md``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from experiments.coverage.oracle import Compared
from experiments.coverage.reach import Reach, kind_of
from tropnnc.errors import TropnncError

Row = tuple[str, ...]

_INTRODUCTION = """# torchvision's classifiers

Written by `python -m experiments.coverage` (two minutes of one core). `compress` takes any of these
networks; a unit is a layer whose neurons it may remove or merge (`python -m tropnnc inspect`).
**Within reach** are the parameters (multiply-adds) in a row or a column of a unit: the layer
itself, its batch norm, the depthwise convolutions behind it, and the columns of what reads it. The
rest is left alone, with the reason per layer; here they are grouped, with the number of layers.
Structure as published (1,000 classes, images of 224 pixels, Inception v3 299), found on torch's
meta device: no weight is held and no image computed.

A network without a unit is refused in one line (`no unit in scope 'all'`, with reasons): its
activations are SiLU or GELU, which are no maxima of linear functions. Layers that are never called
are auxiliary classifiers, which only training uses, or projections of an attention, which reads
their weights itself.

"""
_ORACLE = """
## The same filters removed by Torch-Pruning

[Torch-Pruning](https://github.com/VainF/Torch-Pruning) 1.6.1 finds by its own dependency graph
which rows and columns go together. Random weights, ten classes, 64 × 64 images, float64: half of
the filters of every unit removed by both, one unit after another, the outputs compared after each.
*Gap*: the largest difference over the largest output. *Least change*: what halving a unit changes
of the outputs, measured likewise, the smallest of all units; a gap of that size would show if one
of the two had left it alone.

"""
_DIFFERENCES = """
Where one of the two leaves a layer alone:

"""
# Why Torch-Pruning may remove rows of a layer that is no unit, by kind of reason.
EXPLANATIONS = {
    "its output is returned by the model": "the rows are the classes: Torch-Pruning drops classes",
    "feeds an addition": "Torch-Pruning removes the same channel from every layer that is added;"
    " one mixing matrix for all of them is not a rewriting of one unit",
    "no ReLU between it and the next layer": "a linear bottleneck: nothing to rewrite by"
    " `relu(W u) ≈ T·relu(W̃ u)`, but its channels can be dropped",
    "feeds a batch norm that does not directly follow it": "the batch norm also reads other layers"
    " (behind a concatenation), so that it folds into none; dropping its channels is possible",
    "feeds a batch norm after the ReLU": "a batch norm reads the activations and does not fold into"
    " the layer; dropping its channels is possible",
    "is a unit": "Torch-Pruning removes rows of other layers with it",
}


def page(reaches: Sequence[Reach], compared: Mapping[str, Sequence[Compared]]) -> str:
    """The whole page, as Markdown."""
    header = ("model", "parameters", "units", "parameters within reach", "MACs", "left alone")
    networks = (
        "network", "layers", "removed by both", "largest gap", "least change",
        "Torch-Pruning alone",
    )  # fmt: skip
    reasons = ("network", "reason here", "layers", "removed along with it", "explanation")
    differences = [row for name, layers in compared.items() for row in _differences(name, layers)]
    parts = [
        _INTRODUCTION,
        table(header, map(_reach_row, reaches)),
        _ORACLE,
        table(networks, (_network_row(name, layers) for name, layers in compared.items())),
        _DIFFERENCES,
        table(reasons, differences),
    ]
    return "".join(parts)


def table(header: Row, rows: Iterable[Row]) -> str:
    """A Markdown table."""
    lines = [header, tuple("---" for _ in header), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _reach_row(reach: Reach) -> Row:
    return (
        reach.model,
        f"{reach.parameters:,}",
        str(reach.units),
        f"{reach.parameters_share:.1%}",
        f"{reach.macs_share:.1%}",
        reach.error
        or "; ".join(f"{number} {kind}" for kind, number in reach.reasons.most_common()),
    )


def _network_row(name: str, layers: Sequence[Compared]) -> Row:
    gaps = [layer.gap for layer in layers if layer.gap is not None]
    changes = [layer.change for layer in layers if layer.change is not None]
    alone = len(layers) - len(gaps)
    extremes = (f"{max(gaps):.1e}", f"{min(changes):.1e}")
    return (name, str(len(layers)), str(len(gaps)), *extremes, str(alone))


def _differences(name: str, layers: Sequence[Compared]) -> Iterable[Row]:
    """One row per kind of reason, the layers that fall under it counted."""
    apart = [layer for layer in layers if layer.gap is None]
    for kind, number in Counter(_kind(layer) for layer in apart).most_common():
        if kind not in EXPLANATIONS:
            raise TropnncError(f"{name}: no explanation of a layer that {kind!r}; add one")
        others = [len(layer.coupled) for layer in apart if _kind(layer) == kind]
        along = f"{min(others)} to {max(others)} layers" if max(others) else "no other layer"
        yield (name, kind, str(number), along, EXPLANATIONS[kind])


def _kind(layer: Compared) -> str:
    return kind_of(layer.ours) if layer.ours else "is a unit"
