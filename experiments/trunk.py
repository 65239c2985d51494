"""What two networks share before their weights differ: computed once, the rest for each.

The split networks do in every batch what the whole one does, on tensors laid out alike, so that
the logits have the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

Batches = tuple[Tensor, ...]


@dataclass(frozen=True)
class Cut:
    """A place in the graph of a network that all paths from input to output pass."""

    node: str


def shared_cut(dense: nn.Module, other: nn.Module, image: Tensor) -> Cut | None:
    """The last cut before the first weights in which the two networks differ.

    None where there is none behind a layer, or where the features there are larger than ``image``:
    to keep them would take more memory than the images do.

    Args:
        dense: a network that torch.fx traces, in evaluation mode.
        other: one of the same graph, narrower perhaps.
        image: a batch that they run on.
    """
    graph = fx.symbolic_trace(dense).graph
    cut = None
    layers = False
    for index, node in enumerate(graph.nodes):
        if _differs(node, dense, other):
            break
        layers = layers or node.op in ("call_module", "get_attr")
        if layers and _is_cut(list(graph.nodes), index):
            cut = Cut(node.name)
    if cut is None or run_to(dense, cut, (image,))[0].numel() > image.numel():
        return None
    return cut


def run_to(model: nn.Module, cut: Cut, batches: Iterable[Tensor]) -> Batches:
    """The features at ``cut`` of batches of images, each a tensor of its own."""
    traced = fx.symbolic_trace(model)
    nodes = list(traced.graph.nodes)
    last = _named(nodes, cut)
    for node in reversed(nodes[nodes.index(last) + 1 :]):
        traced.graph.erase_node(node)
    traced.graph.output(last)
    traced.recompile()
    with torch.inference_mode():
        return tuple(traced(batch) for batch in batches)


def rest_behind(model: nn.Module, cut: Cut) -> nn.Module:
    """What ``model`` does with the features at ``cut``."""
    traced = fx.symbolic_trace(model)
    nodes = list(traced.graph.nodes)
    last = _named(nodes, cut)
    with traced.graph.inserting_before(nodes[0]):
        features = traced.graph.placeholder("features")
    last.replace_all_uses_with(features)
    for node in reversed(nodes[: nodes.index(last) + 1]):
        traced.graph.erase_node(node)
    traced.recompile()
    return traced


def _named(nodes: Iterable[fx.Node], cut: Cut) -> fx.Node:
    return next(node for node in nodes if node.name == cut.node)


def _is_cut(nodes: list[fx.Node], index: int) -> bool:
    """Whether what follows reads nothing of what precedes but the node at ``index``."""
    before = set(nodes[:index])
    return not any(before & set(node.all_input_nodes) for node in nodes[index + 1 :])


def _differs(node: fx.Node, dense: nn.Module, other: nn.Module) -> bool:
    """Whether weights or buffers that ``node`` reads are not the same in both networks."""
    if node.op == "output":
        return True
    if node.op == "get_attr":
        return not _same(_attribute(dense, node), _attribute(other, node))
    if node.op != "call_module":
        return False
    states = [model.get_submodule(str(node.target)).state_dict() for model in (dense, other)]
    return states[0].keys() != states[1].keys() or not all(
        _same(value, states[1][name]) for name, value in states[0].items()
    )


def _attribute(model: nn.Module, node: fx.Node) -> Any:
    value: Any = model
    for name in str(node.target).split("."):
        value = getattr(value, name)
    return value


def _same(one: Any, other: Any) -> bool:
    if not (isinstance(one, Tensor) and isinstance(other, Tensor)):
        return one is other
    return one.shape == other.shape and torch.equal(one, other)
