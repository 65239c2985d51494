"""Every layer of a network through a rewriter, and a rewritten network in and out of training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import nn
from tqdm import tqdm

from baselines.rewriters.protocol import (
    WORD,
    Budget,
    Layer,
    Learnable,
    Learner,
    Rewriter,
    UnsupportedLayer,
)
from tropnnc.errors import TropnncError


@dataclass(frozen=True)
class LayerReport:
    """What became of a layer.

    Attributes:
        name: its path in the model.
        status: rewritten, or left dense for ``reason``.
        reason: one line; empty where it was rewritten.
        bits: stored in place of its weight, before any entropy coding.
        facts: of the rewriter.
    """

    name: str
    status: Literal["rewritten", "dense"]
    reason: str
    bits: int
    facts: Mapping[str, Any] = field(default_factory=dict)


def rewrite_network(
    model: nn.Module,
    rewriter: Rewriter,
    budget_of: Callable[[str, Layer], Budget],
    names: Collection[str] | None = None,
) -> tuple[nn.Module, tuple[LayerReport, ...]]:
    """A copy of ``model`` with its layers rewritten, and a report of each that was to be.

    What the rewriter refuses stays dense, and so does a weight that has a second place in the
    model: it would be stored twice.

    Args:
        model: stays as it is.
        rewriter: of a layer.
        budget_of: a layer's, by its path.
        names: paths of the layers to rewrite; None: :func:`touched`.

    Raises:
        TropnncError: a name that is no Linear or Conv2d of ``model``.
    """
    layers, tied = layers_of(model), _tied(model)
    chosen = touched(model) if names is None else tuple(name for name in layers if name in names)
    if unknown := sorted(set(names or ()) - set(layers)):
        raise TropnncError(f"{unknown[0]!r} is no Linear or Conv2d; there are {', '.join(layers)}")
    swaps: dict[str, nn.Module] = {}
    reports: list[LayerReport] = []
    for name in tqdm(chosen, desc="rewriting", delay=2, leave=False, disable=None):
        layer = layers[name]
        try:
            if layer.weight in tied:
                raise UnsupportedLayer("its weight has a second place in the model")
            rewritten = rewriter.rewrite(layer, budget_of(name, layer))
        except UnsupportedLayer as refusal:
            bits = WORD * layer.weight.numel()
            reports.append(LayerReport(name, "dense", str(refusal), bits))
            continue
        swaps[name] = rewritten.module
        reports.append(LayerReport(name, "rewritten", "", rewritten.bits, rewritten.facts))
    return exchanged(model, swaps), tuple(reports)


def layers_of(model: nn.Module) -> Mapping[str, Layer]:
    """The Linear and Conv2d modules by path, in the order of their registration; no subclasses."""
    return {
        name: module
        for name, module in model.named_modules()
        if type(module) in (nn.Linear, nn.Conv2d) and isinstance(module, nn.Linear | nn.Conv2d)
    }


def touched(model: nn.Module) -> tuple[str, ...]:
    """All layers but the first convolution and the read-out, the last; relatives.md B.0."""
    layers = layers_of(model)
    first = [name for name, layer in layers.items() if isinstance(layer, nn.Conv2d)][:1]
    return tuple(name for name in layers if name not in {*first, *list(layers)[-1:]})


def learners(model: nn.Module) -> nn.Module:
    """A copy whose learnable modules are in the shape they train in."""
    return _mapped(model, lambda m: m.learner() if isinstance(m, Learnable) else None)


def settled(model: nn.Module) -> nn.Module:
    """A copy whose learners are in the form that is stored."""
    return _mapped(model, lambda m: m.settled() if isinstance(m, Learner) else None)


def _mapped(model: nn.Module, change: Callable[[nn.Module], nn.Module | None]) -> nn.Module:
    apart = deepcopy(model)  # what a module makes of itself may hold its own tensors
    found = ((name, change(module)) for name, module in apart.named_modules())
    return exchanged(model, {name: module for name, module in found if module is not None})


def exchanged(model: nn.Module, swaps: Mapping[str, nn.Module]) -> nn.Module:
    """A copy of ``model`` with other modules at those paths."""
    if "" in swaps:
        return swaps[""]
    copy = deepcopy(model)
    for name, module in swaps.items():
        copy.set_submodule(name, module)
    return copy


def _tied(model: nn.Module) -> set[nn.Parameter]:
    """Parameters that more than one path leads to."""
    places = Counter(parameter for _, parameter in model.named_parameters(remove_duplicate=False))
    return {parameter for parameter, count in places.items() if count > 1}
