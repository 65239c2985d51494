"""From a dense network to that of a cell before its training; nothing here touches disk or data."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from baselines.rewriters.network import layers_of, rewrite_network
from baselines.rewriters.protocol import WORD, Layer, Parameters
from baselines.rewriters.protocol import Budget as LayerBudget
from baselines.sharing.layer import SharedLayer
from baselines.sharing.masked import MaskedLayer, prune_network
from baselines.sharing.network import Scope, share_network
from experiments.relatives.parts import make_rewriter, make_scheme
from experiments.relatives.settings import Budget, Cell, Keep, Rewriting, Sharing
from tropnnc.seeding import derive_rng


@dataclass(frozen=True, eq=False)
class Built:
    """A network in the forms of its cell.

    Attributes:
        model: in evaluation mode.
        layers: of each that changed its form: ``name``, ``bits`` before entropy coding, ``facts``.
        left_alone: of each that was to and did not: ``name``, ``reason``.
    """

    model: nn.Module
    layers: tuple[dict[str, Any], ...] = ()
    left_alone: tuple[dict[str, str], ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """By layer."""
        return {layer["name"]: layer["facts"] for layer in self.layers}


def build_network(cell: Cell, narrow: nn.Module) -> Built:
    """The network of ``cell`` before its training.

    Args:
        cell: what is done.
        narrow: the network with the widths of the cell; it is not modified.
    """
    built = Built(narrow)
    if cell.rewriting is not None:
        built = rewritten(built.model, cell.rewriting)
    if cell.sharing is not None:
        coarse = shared(built.model, cell.sharing, derive_rng(cell.draw, "sharing"))
        built = Built(coarse.model, (*built.layers, *coarse.layers), built.left_alone)
    if cell.half:
        built = Built(in_half(built.model), built.layers, built.left_alone)
    return built


def rewritten(model: nn.Module, rewriting: Rewriting) -> Built:
    """A copy of ``model`` with its layers in another format."""
    rewriter = make_rewriter(rewriting.rewriter)
    names = None if rewriting.layers == "inner" else tuple(layers_of(model))
    budget = partial(_of_layer, rewriting.budget)
    changed, reports = rewrite_network(model, rewriter, budget, names)
    return Built(
        changed.eval(),
        tuple(
            {"name": r.name, "bits": r.bits, "facts": dict(r.facts)}
            for r in reports
            if r.status == "rewritten"
        ),
        tuple({"name": r.name, "reason": r.reason} for r in reports if r.status == "dense"),
    )


def shared(model: nn.Module, sharing: Sharing, rng: np.random.Generator) -> Built:
    """A copy of ``model`` pruned, and with few values where a scheme says so."""
    if sharing.quantiser is None:
        changed = prune_network(model, sharing.percentile)
    else:
        scheme, scope = make_scheme(sharing.quantiser), cast(Scope, sharing.scope)
        changed = share_network(model, scheme, sharing.values, sharing.percentile, scope, rng)
    layers = [{"name": name, **_account(changed.get_submodule(name))} for name in layers_of(model)]
    return Built(changed.eval(), tuple(layers))


def _account(module: nn.Module) -> dict[str, Any]:
    """Bits of an index and a word per value, or of a word per weight; what is not zero."""
    if isinstance(module, SharedLayer):
        weight, values = module.weight, len(module.codebook)
        index = (values + module.has_zero - 1).bit_length()
        bits, facts = index * weight.numel() + WORD * values, {"values": values}
    else:
        assert isinstance(module, MaskedLayer)
        weight, facts = module.layer.weight, {}
        bits = WORD * weight.numel()
    return {"bits": bits, "facts": {**facts, "nonzeros": int(weight.count_nonzero())}}


def in_half(model: nn.Module) -> nn.Module:
    """A copy whose matrices and kernels are rounded to float16 and computed with as they were.

    Biases and batch norms stay: codecs leave them as they are too.
    """
    model = copy.deepcopy(model)
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point() and tensor.ndim > 1:
                tensor.copy_(tensor.half())
    return model


def _of_layer(budget: Budget, name: str, layer: Layer) -> LayerBudget:
    if isinstance(budget, Keep):
        return Parameters(int(budget.share * layer.weight.numel()))
    return budget
