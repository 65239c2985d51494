"""Stream the activations that calibration images cause, dense and as compressed so far."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from tropnnc.errors import TropnncError
from tropnnc.graph.structure import Link, Site
from tropnnc.unit import Point

Keep = Callable[[Point, Tensor], None]


class _AllSeen(Exception):
    """The rest of the forward pass is not needed."""


@dataclass(frozen=True)
class View:
    """One network, in evaluation mode, and where the unit lies in it."""

    model: nn.Module
    site: Site


@dataclass(frozen=True)
class NetworkCalibration:
    """Calibration of one unit on images held in memory.

    Attributes:
        dense: the network before compression.
        current: the network as compressed so far.
        inputs: images ``[N, …]`` on the networks' device.
        batch_size: images per forward pass.
    """

    dense: View
    current: View
    inputs: Tensor
    batch_size: int = 256

    @property
    def images(self) -> int:
        """``N``."""
        return len(self.inputs)

    def stream(self, *points: Point) -> Iterator[tuple[Tensor, ...]]:
        """Yield the tensors at ``points``, batch by batch, in the order of the images."""
        for batch in self.inputs.split(self.batch_size):
            seen: dict[Point, Tensor] = {}
            for name, view in (("dense", self.dense), ("current", self.current)):
                wanted = {point for point in points if point.network == name}
                if wanted:
                    seen |= _observe(view, wanted, batch)
            yield tuple(seen[point] for point in points)


@torch.no_grad()
def _observe(view: View, points: set[Point], batch: Tensor) -> dict[Point, Tensor]:
    """Run ``batch`` until every point has been seen."""
    seen: dict[Point, Tensor] = {}

    def keep(point: Point, tensor: Tensor) -> None:
        seen[point] = tensor
        if len(seen) == len(points):
            raise _AllSeen

    with ExitStack() as hooks:
        for point in points:
            hooks.callback(_listen(view, point, keep).remove)
        try:
            view.model(batch)
        except _AllSeen:
            return seen
    raise TropnncError(f"{view.site.producer}: the forward pass does not reach every point")


def _listen(view: View, point: Point, keep: Keep) -> RemovableHandle:
    """A hook that hands the tensor at ``point`` to ``keep``."""
    producer = view.model.get_submodule(view.site.producer)
    if point.role == "unit_input":
        return producer.register_forward_pre_hook(lambda _, inputs: keep(point, inputs[0]))
    if point.role == "unit_output":
        return producer.register_forward_hook(lambda *call: keep(point, call[-1]))
    if point.role == "addition_loss":
        raise TropnncError(f"{view.site.producer}: what additions lose is known in a walk alone")
    link = view.site.links[point.consumer]
    consumer = view.model.get_submodule(link.consumer)
    if point.role == "consumer_output":
        return consumer.register_forward_hook(lambda *call: keep(point, call[-1]))
    neurons = view.site.neurons
    return consumer.register_forward_pre_hook(
        lambda module, inputs: keep(point, hidden(inputs[0], module, link, neurons))
    )


def hidden(tensor: Tensor, module: nn.Module, link: Link, neurons: int) -> Tensor:
    """The unit's part of a consumer's input: ``[b, n, h, w]``, or ``[b, n, taps]`` if linear."""
    if isinstance(module, nn.Conv2d):
        return tensor[:, link.start : link.start + neurons]
    part = tensor[..., link.start : link.start + neurons * link.block]
    return part.reshape(-1, neurons, link.block)
