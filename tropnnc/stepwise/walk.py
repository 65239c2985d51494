"""A dense network and its compression walk through the same images side by side.

Between two units the values that later steps still read are kept, of all images; nothing is run
again from the start. Looking ahead works on copies, batch by batch. Memory: those values, of both
networks, and beside them what a forward pass of one batch needs.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, fx, nn

from tropnnc.stepwise.program import Program, Runner, Values

Network = Literal["dense", "current"]

# Values of the input that pass at once: 85 images of 3×32×32.
_AT_ONCE = 1 << 18
_LEAST_IMAGES = 4


@dataclass(frozen=True)
class Place:
    """The value of a node once all steps before ``when`` have been taken."""

    node: fx.Node
    when: int


class Walk:
    """Where the images are on their way."""

    def __init__(self, dense: nn.Module, current: nn.Module, images: Tensor) -> None:
        """Start at the input.

        Args:
            dense: in evaluation mode; is not changed while the walk lasts.
            current: of the same graph; may be rewritten ahead of the images.
            images: ``[N, …]`` on the networks' device; they are not modified.
        """
        self.dense, self.current, self.images = dense, current, len(images)
        self.program = Program.of(dense)
        self._at = {node.name: i for i, node in enumerate(self.program.steps)}
        # Of several calls, the first.
        calls = reversed(list(enumerate(self.program.steps)))
        self._called = {str(node.target): i for i, node in calls if node.op == "call_module"}
        self._place = 0
        size = max(_AT_ONCE * len(images) // max(images.numel(), 1), _LEAST_IMAGES)
        self._batches = images.split(size)
        self._values: list[dict[Network, Values]] = [
            {"dense": {}, "current": {}} for _ in self._batches
        ]

    def input_of(self, module: str) -> Place:
        """What the module reads."""
        when = self._called[module]
        return Place(self.program.steps[when].all_input_nodes[0], when)

    def output_of(self, module: str) -> Place:
        """What the module returns."""
        when = self._called[module]
        return Place(self.program.steps[when], when + 1)

    def read_by(self, step: str, node: str) -> Place:
        """The value of ``node`` as ``step`` finds it, both by their names in the graph."""
        return Place(self.program.steps[self._at[node]], self._at[step])

    def called_once(self) -> list[str]:
        """Module paths that a single step calls, in order."""
        calls = [str(node.target) for node in self.program.steps if node.op == "call_module"]
        return [name for name, times in Counter(calls).items() if times == 1]

    @torch.no_grad()
    def advance(self, module: str) -> None:
        """Go on to right before the module."""
        stop = self._called[module]
        models = {"dense": self.dense, "current": self.current}
        runners = {name: Runner(model, self.program.graph) for name, model in models.items()}
        for number, both in enumerate(self._values):
            for name, values in both.items():
                self._run(runners[name], values, number, range(self._place, stop))
        self._place = max(self._place, stop)

    @torch.no_grad()
    def _run(self, runner: Runner, values: Values, number: int, steps: range) -> None:
        """Take ``steps`` with the batch of this ``number``, forgetting what is finished."""
        for index in steps:
            step = self.program.steps[index]
            images = None
            if step.op == "placeholder":
                images = self._batches[number]
                images = images.clone() if self.program.mutating else images
            runner.take(step, values, images)
            for node in self.program.finished[index]:
                values.pop(node, None)

    def look_ahead(
        self,
        wanted: Mapping[Network, Sequence[Place]],
        replaced: Mapping[str, nn.Module] | None = None,
    ) -> Iterator[dict[tuple[Network, Place], Tensor]]:
        """The tensors at the ``wanted`` places of each network, batch by batch.

        None of the places is behind the images. ``replaced``: modules that stand in for those of
        the current network, by path.
        """
        runners = {
            "dense": Runner(self.dense, self.program.graph),
            "current": Runner(self.current, self.program.graph, replaced),
        }
        for number in range(len(self._batches)):
            seen: dict[tuple[Network, Place], Tensor] = {}
            for name, places in wanted.items():
                for place, tensor in self._seen(runners[name], name, number, places).items():
                    seen[name, place] = tensor
            yield seen

    def _seen(
        self, runner: Runner, name: Network, number: int, places: Sequence[Place]
    ) -> dict[Place, Tensor]:
        """The tensors at ``places`` of one network for one batch; what is stored stays as it is."""
        ordered = sorted(set(places), key=lambda place: place.when)
        last, stored = ordered[-1].when, self._values[number][name]
        values = dict(stored)
        if self.program.mutates(self._place, last):  # all at once: views stay views of each other
            values = dict(zip(stored, copy.deepcopy(list(stored.values())), strict=True))
        seen, start = {}, self._place
        for place in ordered:
            self._run(runner, values, number, range(start, place.when))
            start, tensor = place.when, values[place.node]
            seen[place] = tensor.clone() if self.program.mutates(start, last) else tensor
        return seen
