"""What a compression must compute: the dense network with ``T·relu(A·z)`` for ``relu(z)``.

Consumers' outputs are scaled and shifted where the answers say so.

With a depthwise convolution D between ReLU and consumer, ``T·(D̃ * relu(A·z))`` where ``D̃ = A·D`` in
folded rows: at full width, D and its batch norm applied by their own modules to n copies of every
neuron of A's, of which A takes one combination each.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tests.units import mix_of
from tropnnc import Reducer, Reduction, Tier, Unit
from tropnnc.graph import Link, Site, discover
from tropnnc.graph.structure import DepthwisePlace
from tropnnc.protocols import Order
from tropnnc.unit import Array


@dataclass
class Recorder:
    """A reducer that keeps what it answered, by unit."""

    reducer: Reducer
    answers: dict[str, Reduction] = field(default_factory=dict)
    affine: dict[str, tuple[Array, Array]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.needs: Tier = self.reducer.needs
        self.order: Order = self.reducer.order
        self.version = self.reducer.version

    def prepare(self, unit: Unit, rng: np.random.Generator) -> Any:
        return unit, self.reducer.prepare(unit, rng)

    def reduce(self, state: Any, k: int) -> Reduction:
        unit, prepared = state
        answer = self.answers[unit.name] = self.reducer.reduce(prepared, k)
        if answer.batch_norm is not None:
            self._solve(unit, answer)
        return answer

    def _solve(self, unit: Unit, answer: Reduction) -> None:
        """Rows that are affine in the unit's own by another rule than ``combination``."""
        weights, wanted = unit.incoming[:, :-1], answer.incoming[:, :-1]
        combination = np.array(np.linalg.lstsq(weights.T, wanted.T)[0].T, dtype=np.float64)
        np.testing.assert_allclose(combination @ weights, wanted, atol=1e-10)
        shift = answer.incoming[:, -1] - combination @ unit.incoming[:, -1]
        self.affine[unit.name] = combination, shift


def _mixed_channels(matrix: Tensor, tensor: Tensor) -> Tensor:
    """Channels (dimension 1) of ``tensor`` through ``matrix [rows, n]``, padded with zeros to n."""
    rows, neurons = matrix.shape
    mixed = torch.zeros_like(tensor)
    mixed[:, :rows] = torch.einsum("kn,bn...->bk...", matrix, tensor[:, :neurons])
    return mixed


def _insert(
    model: nn.Module, site: Site, reduction: Reduction, affine: tuple[Array, Array] | None
) -> None:
    """Hooks for one unit: A after its producer (and batch norm), T before each consumer.

    ``affine`` is another A for the producer and what is added to it. A fit of every tap is put in
    the consumers' first columns, an offset on their outputs.
    """
    if reduction.outgoing is None:
        mix = torch.from_numpy(mix_of(reduction))
    else:
        mix = torch.eye(site.neurons, reduction.width, dtype=torch.float64)
    if reduction.kept is not None:
        combination = torch.eye(site.neurons, dtype=mix.dtype)[reduction.kept]
    else:
        combination = torch.from_numpy(np.asarray(reduction.combination))

    def combined(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        if affine is None:
            return _mixed_channels(combination, output)
        own, shift = (torch.from_numpy(part) for part in affine)
        mixed = _mixed_channels(own, output)
        mixed[:, : reduction.width] += shift.reshape(-1, *[1] * (output.ndim - 2))
        return mixed

    model.get_submodule(site.batch_norm or site.producer).register_forward_hook(combined)
    for place in site.depthwise:
        _insert_depthwise(model, place, combination)
    for index, link in enumerate(site.links):

        def mixed(_: nn.Module, inputs: tuple[Tensor], link: Link = link) -> Tensor:
            return _seen(inputs[0], link, mix, reduction.width)

        consumer = model.get_submodule(link.consumer)
        consumer.register_forward_pre_hook(mixed)
        if reduction.outgoing is not None:
            _refit(consumer, link, reduction.outgoing[index])
        if reduction.offset is not None:
            scale = None if reduction.row_scale is None else reduction.row_scale[index]
            _repair(consumer, reduction.offset[index], scale)


def _repair(consumer: nn.Module, offset: Array, scale: Array | None) -> None:
    """A hook for ``s·y + o`` on every channel of the consumer's output y, its bias included."""
    factor = torch.ones(len(offset)) if scale is None else torch.from_numpy(scale)
    added = torch.from_numpy(offset)

    def repaired(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        shape = (-1, *[1] * (output.ndim - 2))
        return output * factor.reshape(shape) + added.reshape(shape)

    consumer.register_forward_hook(repaired)


def _refit(consumer: nn.Module, link: Link, outgoing: Array) -> None:
    """The fitted weights of one consumer."""
    weight = consumer.get_parameter("weight")
    columns = torch.from_numpy(outgoing).reshape(len(weight), -1, *weight.shape[2:])
    with torch.no_grad():
        weight[:, link.start : link.start + columns.shape[1]] = columns


def _insert_depthwise(model: nn.Module, place: DepthwisePlace, combination: Tensor) -> None:
    """Hooks for one convolution: ``(A·D) * h`` instead of ``D * h``, h the first k channels.

    Neuron k of the reduced unit is convolved with all n filters in turn, batch norm included, and
    the n answers are combined by row k of A: neither a filter nor a batch norm is rewritten.
    """
    layer = model.get_submodule(place.name)
    norm = None if place.batch_norm is None else model.get_submodule(place.batch_norm)
    assert isinstance(layer, nn.Conv2d)

    def convolved(_: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        answer = torch.zeros_like(output)
        for k, row in enumerate(combination):
            copies = inputs[0][:, k : k + 1].expand(-1, combination.shape[1], -1, -1)
            each = layer.forward(copies)
            each = each if norm is None else norm.forward(each)
            answer[:, k] = torch.einsum("n,bnhw->bhw", row, each)
        return answer

    layer.register_forward_hook(convolved)
    if norm is not None:
        norm.register_forward_hook(lambda _, inputs, output: inputs[0])


def _seen(tensor: Tensor, link: Link, mix: Tensor, width: int) -> Tensor:
    """A consumer's input with the unit's part, of which ``width`` neurons are left, mixed by T."""
    tensor = tensor.clone()
    part = tensor[:, link.start : link.start + len(mix) * link.block]
    neurons = part.unflatten(1, (len(mix), link.block))[:, :width]
    part.copy_(torch.einsum("nk,bk...->bn...", mix, neurons).flatten(1, 2))
    return tensor


def with_reductions(dense: nn.Module, example: Tensor, recorder: Recorder) -> nn.Module:
    """A copy of ``dense`` at its full width that computes what its compression should."""
    hooked = copy.deepcopy(dense)
    for site in discover(dense, example).sites:
        name = site.producer
        if name in recorder.answers:
            _insert(hooked, site, recorder.answers[name], recorder.affine.get(name))
    return hooked
