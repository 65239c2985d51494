"""FPGM's and DFPC's scores by their definitions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from baselines.dfpc import Dfpc
from baselines.fpgm import Fpgm
from tests.units import KINDS, kept_of, make_unit, rescaled
from tropnnc.unit import Array, Unit


def order(method: Fpgm | Dfpc, unit: Unit) -> list[int]:
    """Neurons, the first kept first."""
    state = method.prepare(unit, np.random.default_rng(0))
    ranked: list[int] = []
    for k in range(1, unit.neurons + 1):
        ranked += set(kept_of(method.reduce(state, k))) - set(ranked)
    return ranked


def test_fpgm_keeps_those_farthest_from_all_others() -> None:
    unit = make_unit("conv", np.random.default_rng(0))
    other = np.random.default_rng(1).normal(size=unit.incoming.shape)
    unit = replace(unit, incoming=other)  # neither bias nor batch norm is seen
    sums = [sum(np.sqrt(((f - g) ** 2).sum()) for g in unit.filters) for f in unit.filters]
    assert order(Fpgm(), unit) == sorted(range(10), key=lambda i: -sums[i])


def as_matrix(weight: Array, size: int, padding: int) -> Array:
    """A convolution ``[o, i, 3, 3]`` on maps of ``size²`` as a matrix, input by input."""
    columns = []
    for index in range(weight.shape[1] * size * size):
        image = torch.zeros(weight.shape[1] * size * size, dtype=torch.float64)
        image[index] = 1.0
        image = image.reshape(1, weight.shape[1], size, size)
        columns.append(F.conv2d(image, torch.from_numpy(weight), padding=padding).flatten().numpy())
    return np.stack(columns, axis=1)


def test_dfpc_is_the_sum_over_products_of_matrix_entries() -> None:
    """Layers as matrices, circular borders aside: a 1 × 1 consumer of a 3 × 3 producer."""
    unit = make_unit("shared", np.random.default_rng(2))
    unit = replace(unit, consumers=(unit.consumers[1],))
    size = 4
    a = np.abs(as_matrix(unit.incoming[:, :-1].reshape(10, 2, 3, 3), size, 1))
    b = np.abs(as_matrix(unit.consumers[0].outgoing.reshape(4, 10, 1, 1), size, 0))
    scores = []
    for c in range(10):
        # Inner places of the producer only: at the border its matrix has fewer entries.
        places = [c * size * size + y * size + x for y in (1, 2) for x in (1, 2)]
        scores.append(sum(float((b[:, [p]] @ a[[p]]).sum()) for p in places))
    assert order(Dfpc(), unit) == sorted(range(10), key=lambda i: -scores[i])


@pytest.mark.parametrize("kind", KINDS)
def test_dfpc_does_not_see_a_neurons_scale(kind: str) -> None:
    unit = make_unit(kind, np.random.default_rng(3))
    unit = replace(unit, incoming=unit.incoming)
    scale = np.random.default_rng(4).uniform(0.1, 10.0, 10)
    assert order(Dfpc(), rescaled(unit, scale)) == order(Dfpc(), unit)
    assert order(Fpgm(), rescaled(unit, scale)) != order(Fpgm(), unit)
