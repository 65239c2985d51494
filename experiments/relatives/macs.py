"""Multiply-adds that a format would need if its zeros were free; those executed are counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from baselines.rewriters.network import layers_of
from tropnnc.cost import macs_by_module
from tropnnc.graph import Example


def formal_macs(
    model: nn.Module, narrow: nn.Module, layers: Mapping[str, Mapping[str, Any]], example: Example
) -> int | None:
    """Per image, zeros left out; None where no layer of ``model`` has any to leave out.

    Args:
        model: in the forms of its cell.
        narrow: the same network before its layers changed their form.
        layers: facts by layer; of one output position, ``formal_macs`` or ``nonzeros``.
        example: an input.
    """
    formal = {
        name: facts.get("formal_macs", facts.get("nonzeros"))
        for name, facts in layers.items()
        if "formal_macs" in facts or "nonzeros" in facts
    }
    if not formal:
        return None
    before, now = macs_by_module(narrow, example), macs_by_module(model, example)
    weights = {name: layer.weight.numel() for name, layer in layers_of(narrow).items()}
    saved = (now[name] - formal[name] * before[name] // weights[name] for name in formal)
    return now[""] - sum(saved)
