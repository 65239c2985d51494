"""Nodes that join or rearrange tensors: sums, concatenations, reshapes, slices, the output."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from math import prod

import torch.nn.functional as F
from torch import fx

from tropnnc.certification.read import size
from tropnnc.certification.state import State, added, concatenated, flattened, settled
from tropnnc.errors import TropnncError
from tropnnc.graph.operations import argument
from tropnnc.graph.trace import shape

States = Mapping[str, State]


def reshape(node: fx.Node, state: State) -> State:
    """Behind a reshape: only a flatten moves channels."""
    before, after = size(node.all_input_nodes[0]), size(node)
    if before[0] != after[0]:
        raise TropnncError(f"{node.name} reshapes the batch; accepted is flatten(1)")
    return state if before == after else flattened(state, prod(before[2:]))


def is_part(node: fx.Node) -> bool:
    """Whether ``node`` takes a slice of every sample, or pads it with zeros: norm 1 either way.

    Both occur in shortcuts without parameters (ResNet's option A).
    """
    if node.target is operator.getitem:
        index = argument(node, 1, "index")
        whole_samples = isinstance(index, tuple) and index[:1] == (slice(None),)
        return whole_samples and all(isinstance(entry, slice) for entry in index)
    if node.target is not F.pad:
        return False
    widths, rank = argument(node, 1, "pad"), len(size(node))
    zeros = argument(node, 2, "mode", "constant") == "constant"
    return zeros and not argument(node, 3, "value") and len(widths) < 2 * rank


def part(node: fx.Node, states: States) -> State:
    """Behind such a node."""
    return settled(_plain(node, states[node.all_input_nodes[0].name]))


def _add(node: fx.Node, states: States) -> State:
    terms = (*node.args, *node.kwargs.values())[:2]
    tensors = [term for term in terms if isinstance(term, fx.Node)]
    whole = len(tensors) == 2 and all(shape(term) == shape(node) for term in tensors)
    if not whole or node.kwargs.get("alpha", 1) != 1:
        raise TropnncError(f"{node.name}: accepted are sums of two tensors of the same shape")
    return added(_plain(node, states[term.name]) for term in tensors)


def _cat(node: fx.Node, states: States) -> State:
    tensors = argument(node, 0, "tensors")
    axis = argument(node, 1, "dim", 0) % len(size(node))
    if axis == 0:
        raise TropnncError(f"{node.name} concatenates along the batch")
    parts = [states[tensor.name] for tensor in tensors]
    return concatenated(parts, [size(tensor)[axis] for tensor in tensors])


def _output(node: fx.Node, states: States) -> State:
    value = node.args[0]
    if not isinstance(value, fx.Node) or value.name not in states:
        raise TropnncError("the model returns more than one tensor; accepted is one")
    return settled(_plain(node, states[value.name]))


def _plain(node: fx.Node, state: State) -> State:
    if state.lift is not None:
        raise TropnncError(f"{node.name} reads a reduced unit; accepted are linear consumers")
    return state


JOINS: Mapping[str, Callable[[fx.Node, States], State]] = {
    "add": _add,
    "cat": _cat,
    "output": _output,
}
