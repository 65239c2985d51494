"""Differential repair of the batch norms that no fit has touched (theory.md 5.2, step 4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tropnnc.composition.moments import Moments
from tropnnc.errors import TropnncError
from tropnnc.lineage import Lineage
from tropnnc.protocols import Networks
from tropnnc.reduction import Reduction
from tropnnc.stepwise import Walk
from tropnnc.unit import Tier, Unit

_FACTORS = (0.2, 5.0)
_RATIOS = (0.02, 4.0)


@dataclass(frozen=True)
class Differential:
    """Statistics moved by what the compression moves, on the same images; the file is the anchor.

    ``running_mean += (μ̂' − μ̂)·σ/σ̂`` and ``running_var ·= v̂'/v̂``: μ̂ and v̂ measured in the dense
    network, primed in the compressed one, σ the file's. Plain re-calibration throws the file's
    statistics away. Batch norms are repaired in the order of the forward pass, each behind the
    repaired ones. Behind a depthwise convolution of merged neurons, and where a method has a batch
    norm of its own, there is nothing to compare with: they stay.

    Attributes:
        needs: tier of the images.
    """

    needs: Tier = Tier.IMAGES

    version = 1

    def fit(self, unit: Unit, moments: Moments, reduction: Reduction) -> Reduction:
        """Nothing unit by unit."""
        return reduction

    def finish(self, networks: Networks) -> None:
        """One pass over both networks.

        Raises:
            TropnncError: there are no images.
        """
        if networks.images is None:
            raise TropnncError("repair=differential needs images")
        walk = Walk(networks.dense, networks.small, networks.images)
        for name, norm in _norms(networks.small, walk):
            lineage = networks.lineages.get(name, Lineage())
            if name not in networks.fitted and lineage is not None:
                walk.advance(name)
                _repair(norm, *_moments(walk, name, lineage))


@dataclass(frozen=True)
class _Statistics:
    """Mean and variance per channel, float64."""

    mean: Tensor
    variance: Tensor


def _norms(small: nn.Module, walk: Walk) -> Iterable[tuple[str, nn.Module]]:
    """Batch norms with running statistics that are called once, in the order of the calls."""
    for name in walk.called_once():
        module = small.get_submodule(name)
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.running_mean is not None:
            yield name, module


def _moments(walk: Walk, name: str, lineage: Lineage) -> tuple[_Statistics, _Statistics]:
    """Of what the batch norm reads, in the dense network and in the compressed one."""
    place = walk.input_of(name)
    dense, current = [], []
    for seen in walk.look_ahead({"dense": [place], "current": [place]}):
        dense.append(_sums(lineage.of(seen["dense", place])))
        current.append(_sums(seen["current", place]))
    return _statistics(dense), _statistics(current)


def _sums(tensor: Tensor) -> Tensor:
    """Number, sum and sum of squares of every channel of ``[b, n, …]``, ``[3, n]`` float64."""
    rows = tensor.double().transpose(0, 1).flatten(1)
    count = torch.full((len(rows),), rows.shape[1], dtype=rows.dtype, device=rows.device)
    return torch.stack([count, rows.sum(dim=1), rows.square().sum(dim=1)])


def _statistics(parts: list[Tensor]) -> _Statistics:
    count, total, squares = torch.stack(parts).sum(dim=0)
    mean = total / count
    return _Statistics(mean, (squares / count - mean.square()).clamp(min=0))


@torch.no_grad()
def _repair(norm: nn.Module, dense: _Statistics, current: _Statistics) -> None:
    assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    factor = ((variance.double() + norm.eps) / (dense.variance + norm.eps)).sqrt().clamp(*_FACTORS)
    ratio = torch.where(dense.variance > 0, current.variance / dense.variance, 1.0).clamp(*_RATIOS)
    norm.running_mean = (mean.double() + (current.mean - dense.mean) * factor).to(mean.dtype)
    norm.running_var = (variance.double() * ratio).to(variance.dtype)
