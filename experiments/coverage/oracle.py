"""Torch-Pruning as an oracle: the same filters of the same layer removed by it and by surgery.

Fang et al., "DepGraph: Towards Any Structural Pruning", CVPR 2023. Needs the extra ``oracle``. It
is used for its dependency graph alone: which rows and columns go together.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch_pruning
from torch import Tensor, nn

from experiments.coverage.models import settle, with_random_weights
from tropnnc.graph import Site, Structure, discover
from tropnnc.graph.structure import narrowed
from tropnnc.reduction import select
from tropnnc.seeding import derive_rng
from tropnnc.surgery import read_unit, write_columns, write_rows

NETWORKS = (
    "alexnet", "vgg16_bn", "resnet50", "densenet121", "mobilenet_v2", "squeezenet1_1",
)  # fmt: skip
_SIDE = 64


@dataclass(frozen=True)
class Compared:
    """One linear or convolutional layer of one network.

    Attributes:
        layer: module path.
        ours: why it is no unit; empty where it is one.
        coupled: layers whose rows Torch-Pruning removes along with it, none where it is free.
        gap: largest difference of the outputs over the largest output, after this layer and all
            before it have been halved by both; ``None`` where only one of them does it.
        change: the same between the outputs before and after this layer was halved: what a gap
            would be if one of the two had done nothing.
    """

    layer: str
    ours: str
    coupled: tuple[str, ...]
    gap: float | None = None
    change: float | None = None


def compare(name: str) -> list[Compared]:
    """Every layer of the classifier ``name`` in turn, on random weights and 64 × 64 images."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(2, 3, _SIDE, _SIDE, generator=generator, dtype=torch.float64)
    return compare_on(settle(with_random_weights(name).double(), inputs), inputs)


def compare_on(dense: nn.Module, inputs: Tensor) -> list[Compared]:
    """Every layer of ``dense`` in turn.

    Half of the filters go, drawn from the layer's name. A layer is removed from by both sides where
    it is a unit and where Torch-Pruning's group removes rows of that unit's layers alone; the cuts
    add up, so that the outputs are compared after each of them.
    """
    return list(_Both(dense, inputs, discover(dense, inputs)).run())


class _Both:
    """Two copies of a network that lose the same filters."""

    def __init__(self, dense: nn.Module, inputs: Tensor, structure: Structure) -> None:
        self.ours, self.theirs = copy.deepcopy(dense), copy.deepcopy(dense)
        self.inputs, self.structure = inputs, structure
        self.sites: Sequence[Site] = structure.sites
        self.graph: Any = torch_pruning.DependencyGraph().build_dependency(self.theirs, inputs)
        self.names = {module: name for name, module in self.theirs.named_modules()}

    def run(self) -> Iterator[Compared]:
        """Units in topological order, then the layers left alone."""
        before = self._outputs(self.theirs)
        for name in [site.producer for site in self.structure.sites]:
            site = next(site for site in self.sites if site.producer == name)
            kept = np.sort(derive_rng(0, "oracle", name).permutation(site.neurons)[::2])
            group, rows = self._group(name, np.setdiff1d(np.arange(site.neurons), kept).tolist())
            coupled = tuple(sorted(rows - {name, *(place.name for place in site.depthwise)}))
            if coupled:
                yield Compared(name, "", coupled)
                continue
            group.prune()
            self._cut(site, kept)
            ours, theirs = self._outputs(self.ours), self._outputs(self.theirs)
            yield Compared(name, "", (), _difference(ours, theirs), _difference(before, theirs))
            before = theirs
        for item in self.structure.left_alone:
            if isinstance(self.theirs.get_submodule(item.name), nn.Linear | nn.Conv2d):
                _, rows = self._group(item.name, [0])
                yield Compared(item.name, item.reason, tuple(sorted(rows - {item.name})))

    def _group(self, name: str, removed: list[int]) -> tuple[Any, set[str]]:
        """Torch-Pruning's group and the layers whose rows it removes."""
        layer = self.theirs.get_submodule(name)
        linear = isinstance(layer, nn.Linear)
        prune = (
            torch_pruning.prune_linear_out_channels
            if linear
            else torch_pruning.prune_conv_out_channels
        )
        group = self.graph.get_pruning_group(layer, prune, removed)
        rows = {
            self.names[dependency.target.module]
            for dependency, _ in group
            if isinstance(dependency.target.module, nn.Linear | nn.Conv2d)
            and self.graph.is_out_channel_pruning_fn(dependency.handler)
        }
        return group, rows

    def _cut(self, site: Site, kept: np.ndarray) -> None:
        unit = read_unit(self.ours, site)
        reduction = select(unit, kept)
        write_rows(self.ours, site, unit, reduction)
        write_columns(self.ours, site, reduction)
        self.sites = narrowed(self.sites, site, len(kept))

    @torch.no_grad()
    def _outputs(self, network: nn.Module) -> Tensor:
        return network(self.inputs)


def _difference(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().max() / other.abs().max())
