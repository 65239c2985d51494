"""A network with two inputs and one logit, small enough to be drawn."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons
from torch import Tensor, nn, optim

from experiments.determinism import deterministic, one_thread
from tropnnc.geometry import positive_negative
from tropnnc.graph import discover
from tropnnc.reduction import Reduction
from tropnnc.seeding import derive_rng, derive_seed
from tropnnc.single_output import SingleOutput
from tropnnc.spherical_kmeans import spherical_kmeans
from tropnnc.surgery import read_unit
from tropnnc.unit import Array, IntArray, Unit

HIDDEN, POINTS, STEPS, RATE = 30, 400, 1500, 0.01
Rule = Literal["means", "sums", "sums of directions"]
RULES: tuple[Rule, ...] = ("means", "sums", "sums of directions")


@dataclass(frozen=True, eq=False)
class Toy:
    """A trained network, as the unit that it is.

    Attributes:
        unit: 2 inputs, one output.
        bias: of the logit.
        points: training data ``[N, 2]``.
        labels: ``[N]``, 0 or 1.
    """

    unit: Unit
    bias: float
    points: Array
    labels: IntArray

    def logits(self, inputs: Array) -> Array:
        """Of inputs ``[b, 2]``: ``[b]``."""
        [consumer] = self.unit.consumers
        ones = np.ones((len(inputs), 1))
        hidden = np.maximum(np.concatenate([inputs, ones], axis=1) @ self.unit.incoming.T, 0)
        return hidden @ consumer.outgoing[0, :, 0] + self.bias

    def reduced(self, reduction: Reduction) -> Toy:
        """The network with fewer neurons."""
        assert reduction.mix is not None
        [consumer] = self.unit.consumers
        outgoing = np.einsum("mnt,nk->mkt", consumer.outgoing, reduction.mix)
        small = replace(
            self.unit,
            incoming=reduction.incoming,
            consumers=(replace(consumer, outgoing=outgoing),),
        )
        return replace(self, unit=small)


def trained_toy(seed: int = 0) -> Toy:
    """2-30-1 on two moons: full-batch Adam for 1,500 steps; the same again for the same seed."""
    moons = make_moons(POINTS, noise=0.12, random_state=derive_seed(seed, "moons") % 2**32)
    points, labels = np.asarray(moons[0]), np.asarray(moons[1], dtype=np.int64)
    points = points - points.mean(axis=0)
    with deterministic(derive_seed(seed, "toy")), one_thread():
        model = nn.Sequential(nn.Linear(2, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        _fit(model, torch.from_numpy(points).float(), torch.from_numpy(labels).float())
    [site] = discover(model.eval(), torch.zeros(1, 2)).sites
    head = model[2]
    assert isinstance(head, nn.Linear)
    return Toy(read_unit(model, site), head.bias.item(), points, labels)


def reductions(toy: Toy, k: int, seed: int = 0) -> dict[Rule, Reduction]:
    """The network's unit with ``k`` neurons by three rules; the first two share their clusters.

    With one output the rank-1 representative of theory.md (B6) is the sum as long as its members
    are within a right angle of it, so what is left of that method is clustering by direction.
    """
    state = SingleOutput("sum").prepare(toy.unit, derive_rng(seed, "toy"))
    sums = SingleOutput("sum").reduce(state, k)
    assert sums.clusters is not None
    directions = _by_direction(toy.unit, state.sides, sums.clusters, seed)
    return {
        "means": SingleOutput("mean").merge(state, sums.clusters),
        "sums": sums,
        "sums of directions": SingleOutput("sum").merge(state, directions),
    }


def _fit(model: nn.Module, points: Tensor, labels: Tensor) -> None:
    optimizer = optim.Adam(model.parameters(), RATE)
    for _ in range(STEPS):
        optimizer.zero_grad()
        F.binary_cross_entropy_with_logits(model(points)[:, 0], labels).backward()
        optimizer.step()


def _by_direction(
    unit: Unit, sides: tuple[IntArray, IntArray], clusters: IntArray, seed: int
) -> IntArray:
    """As many clusters on each side as ``clusters`` has, by spherical K-means of the generators."""
    labels, first = clusters.copy(), 0
    zonotopes = positive_negative(unit.incoming, unit.outgoing[:, 0])
    for side, zonotope in zip(sides, zonotopes, strict=True):
        rows = zonotope.generators
        lengths = np.linalg.norm(rows, axis=1)
        width = len(np.unique(clusters[side]))
        rng = derive_rng(seed, "toy directions")
        labels[side] = first + spherical_kmeans(rows / lengths[:, None], lengths, width, rng)
        first += width
    return labels
