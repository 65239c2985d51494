"""What a network costs: parameters, multiply-adds, bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from tropnnc.graph import Example, as_inputs, run_on_meta


@dataclass(frozen=True)
class Cost:
    """Of one network.

    Attributes:
        parameters: number of parameters, shared ones once.
        macs: multiply-adds of one forward pass on one sample.
        bytes: of all parameters and buffers as they are held in memory.
    """

    parameters: int
    macs: int
    bytes: int


def count(model: nn.Module, example_input: Example) -> Cost:
    """Cost of ``model`` on inputs of the shape of ``example_input``."""
    return cost_of(model, macs_by_module(model, example_input)[""])


def cost_of(model: nn.Module, macs: int) -> Cost:
    """Cost of ``model`` whose multiply-adds per sample were counted."""
    state = [*model.parameters(), *model.buffers()]
    return Cost(
        parameters=sum(p.numel() for p in model.parameters()),
        macs=macs,
        bytes=sum(tensor.numel() * tensor.element_size() for tensor in state),
    )


def macs_by_module(model: nn.Module, example_input: Example) -> Mapping[str, int]:
    """Multiply-adds per sample of every module path; the whole network under ``""``.

    Counted by ``torch.utils.flop_counter``, which counts 2 per multiply-add of a product or a
    convolution and nothing for the rest.
    """
    inputs = as_inputs(example_input)
    count_per_mac = 2 * len(inputs[0])
    modes = {module: module.training for module in model.modules()}
    try:
        counter = _counted(model.eval(), inputs)
    finally:
        for module, training in modes.items():
            module.training = training
    root = type(model).__name__
    macs = {"": counter.get_total_flops() // count_per_mac}
    for name, by_operator in counter.get_flop_counts().items():
        if name.startswith(f"{root}."):
            macs[name.removeprefix(f"{root}.")] = sum(by_operator.values()) // count_per_mac
    return macs


def _counted(model: nn.Module, inputs: tuple[Tensor, ...]) -> FlopCounterMode:
    """The counter of one pass over shapes, or over numbers where the model asks for some."""
    with torch.no_grad():
        try:
            with FlopCounterMode(display=False) as counter:
                run_on_meta(model, inputs)
        except Exception:
            with FlopCounterMode(display=False) as counter:
                model(*inputs)
    return counter
