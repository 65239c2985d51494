"""What a method sees of the images while they stand right before its unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from tropnnc.calibration import hidden
from tropnnc.errors import TropnncError
from tropnnc.graph.structure import Link, Site
from tropnnc.lineage import Lineage
from tropnnc.reduction import Reduction
from tropnnc.stepwise.patch import patched
from tropnnc.stepwise.walk import Network, Place, Walk
from tropnnc.surgery.read import read_norm
from tropnnc.unit import Point, Unit

# Of γ/σ: a batch norm that hides its input cannot put anything right.
_LEAST_SCALE = 1e-3


@dataclass(frozen=True)
class StepCalibration:
    """Calibration of one unit; see :class:`tropnnc.protocols.SequentialCalibration`.

    Attributes:
        walk: stands right before the unit's producer.
        dense: the unit's place in the dense network.
        current: its place in the network as compressed so far.
        replaced: modules that stand in for those of the current network, by path.
        lineages: in passes after the first, what became of the channels of layers that lost some;
            outputs are shown less their running means then, dense ones of what is left.
    """

    walk: Walk
    dense: Site
    current: Site
    replaced: Mapping[str, nn.Module] = field(default_factory=dict)
    lineages: Mapping[str, Lineage | None] | None = None

    @property
    def images(self) -> int:
        """``N``."""
        return self.walk.images

    def rewritten(self, unit: Unit, reduction: Reduction) -> StepCalibration:
        """The same images where the current network has the unit as ``reduction`` rewrites it."""
        replaced = patched(self.walk.current, self.current, unit, reduction)
        site = replace(self.current, neurons=reduction.width)
        return replace(self, current=site, replaced=replaced)

    def stream(self, *points: Point) -> Iterator[tuple[Tensor, ...]]:
        """Yield the tensors at ``points``, batch by batch, in the order of the images."""
        wanted: dict[Network, list[Place]] = {}
        for point in points:
            for network, place in self._places(point):
                wanted.setdefault(network, []).append(place)
        if not wanted:  # additions that do not exist alone
            wanted["dense"] = [self.walk.input_of(self.dense.producer)]
        for seen in self.walk.look_ahead(wanted, self.replaced):
            yield tuple(self._tensor(point, seen) for point in points)

    def _places(self, point: Point) -> list[tuple[Network, Place]]:
        """Where a point's tensor comes from."""
        link = self._link(point)
        if point.role == "addition_loss":
            if link.addition is None:
                return []
            place = self.walk.read_by(link.addition.node, link.addition.addend)
            return [("dense", place), ("current", place)]
        name = self._layer(point)
        is_input = point.role.endswith("input")
        place = self.walk.input_of(name) if is_input else self.walk.output_of(name)
        return [(point.network, place)]

    def _tensor(self, point: Point, seen: Mapping[tuple[Network, Place], Tensor]) -> Tensor:
        found = [seen[place] for place in self._places(point)]
        if point.role == "addition_loss":
            return self._loss(point, *found) if found else torch.zeros(1)
        if point.role == "consumer_input":
            site, link = self._site(point), self._link(point)
            return hidden(found[0], self._module(link.consumer), link, site.neurons)
        if self.lineages is not None and point.role.endswith("output"):
            return self._comparable(point, found[0], self.lineages)
        return found[0]

    def _comparable(
        self, point: Point, outputs: Tensor, lineages: Mapping[str, Lineage | None]
    ) -> Tensor:
        """Less the running mean behind them, where fits put intercepts, of what channels are left.

        Theirs are ``M(y − μ)``, M what became of the channels, selected or merged.
        """
        site, name = self._site(point), self._layer(point)
        is_own = point.role.startswith("unit")
        norm = site.batch_norm if is_own else self._link(point).batch_norm
        channels = 1 if isinstance(self._module(name), nn.Conv2d) else -1
        outputs = outputs.movedim(channels, 1)
        if norm is not None:
            mean = self._now(norm, point).get_buffer("running_mean")
            outputs = outputs - mean.reshape(-1, *[1] * (outputs.ndim - 2))
        if point.network == "dense" and name in lineages:
            lineage = lineages[name]
            if lineage is None:
                raise TropnncError(f"{name}: passes above 1 need rows that are kept or combined")
            outputs = lineage.linear(outputs)
        return outputs.movedim(1, channels)

    def _now(self, name: str, point: Point) -> nn.Module:
        """A module of the network that the point lies in."""
        if point.network == "dense":
            return self.walk.dense.get_submodule(name)
        return self.replaced.get(name) or self.walk.current.get_submodule(name)

    def _layer(self, point: Point) -> str:
        """The producer or the consumer."""
        return self.dense.producer if point.role.startswith("unit") else self._link(point).consumer

    def _loss(self, point: Point, dense: Tensor, current: Tensor) -> Tensor:
        """``(s − s̃)·σ/γ``; nothing where ``|γ/σ|`` is small."""
        link, lost = self._link(point), dense - current
        if link.batch_norm is None:
            return lost
        scale = torch.from_numpy(read_norm(self.walk.dense, link.batch_norm).scale)
        factor = torch.where(scale.abs() < _LEAST_SCALE, 0.0, 1 / scale).to(lost)
        return lost * factor.reshape(-1, *[1] * (lost.ndim - 2))

    def _site(self, point: Point) -> Site:
        return self.dense if point.network == "dense" else self.current

    def _link(self, point: Point) -> Link:
        return self._site(point).links[point.consumer]

    def _module(self, name: str) -> nn.Module:
        return self.walk.dense.get_submodule(name)
