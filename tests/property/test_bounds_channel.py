"""The bound for ReLU6 and depthwise convolutions, on random units and on the worst inputs found."""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from tests.units import KINDS, consumed, hidden, make_unit, mix_of, patch_radius, random_inputs
from tropnnc import Reduction
from tropnnc.bounds import cluster_bound, direction_bound, reduction_bound
from tropnnc.clustering import kmeans, membership
from tropnnc.errors import UnsupportedUnit
from tropnnc.unit import Array, Depthwise, Unit

seeds = st.integers(0, 2**32 - 1)
caps = st.sampled_from([6.0, 2.0, inf])
several = settings(max_examples=30, deadline=None)
CONVOLUTIONAL = [kind for kind in KINDS if kind != "linear"]


def _stage(rng: np.random.Generator, neurons: int, cap: float | None) -> Depthwise:
    """A 3 × 3 convolution of every channel by itself."""
    rows = rng.normal(size=(neurons, 10)) / 3
    return Depthwise("depthwise", rows, rows[:, :-1], rows[:, -1], None, cap)


def _unit(kind: str, rng: np.random.Generator, cap: float, behind: list[float | None]) -> Unit:
    stages = tuple(_stage(rng, 10, each) for each in behind)
    return replace(make_unit(kind, rng), cap=cap, depthwise=stages)


def _merged(unit: Unit, k: int, rng: np.random.Generator, rule: str) -> Reduction:
    """Means of clusters with their sum, their mean, or any mixing matrix."""
    labels = kmeans(unit.own_rows, k, int(rng.integers(99)), n_init=1)
    members = membership(labels)
    combination = members / members.sum(axis=1, keepdims=True)
    mixes = {"sum": members.T, "mean": combination.T, "any": rng.normal(size=(unit.neurons, k))}
    return Reduction(combination @ unit.incoming, mixes[rule], combination=combination)


def _read(unit: Unit, rows: Array, stages: list[Array], inputs: Tensor) -> Tensor:
    """What consumers read, by torch's own layers: ``[b, n, height, width]``."""
    plain = replace(unit, incoming=rows)
    maps = hidden(plain, inputs).clamp(max=unit.cap)
    for stage, weights in zip(unit.depthwise, stages, strict=True):
        kernel = torch.from_numpy(weights[:, :-1]).reshape(-1, 1, 3, 3)
        bias = torch.from_numpy(weights[:, -1])
        maps = F.conv2d(maps, kernel, bias, padding=1, groups=len(weights))
        maps = maps if stage.cap is None else maps.clamp(0.0, stage.cap)
    return maps


def _errors(unit: Unit, reduction: Reduction, inputs: Tensor) -> list[Tensor]:
    """``v − ṽ`` of each consumer by the definition, one row per output vector."""
    combination = reduction.combination
    assert combination is not None
    dense = [stage.incoming for stage in unit.depthwise]
    few = [combination @ rows for rows in dense]
    mixed = torch.einsum(
        "nk,bk...->bn...",
        torch.from_numpy(mix_of(reduction)),
        _read(unit, reduction.incoming, few, inputs),
    )
    gap = _read(unit, unit.incoming, dense, inputs) - mixed
    values = [consumed(consumer, gap) for consumer in unit.consumers]
    return [v.flatten(2).mT.flatten(0, 1) if v.ndim == 4 else v for v in values]


def _worst(unit: Unit, reduction: Reduction, kind: str, seed: int, scale: float) -> Tensor:
    """Inputs moved by gradient ascent on the error per norm of the input."""
    inputs = scale * random_inputs(unit, kind, np.random.default_rng(seed))
    inputs.requires_grad_()
    optimiser = torch.optim.Adam([inputs], lr=0.2 * scale, maximize=True)
    for _ in range(8):
        errors = _errors(unit, reduction, inputs)
        size = sum((each.norm(dim=1).sum() for each in errors), start=torch.zeros(()))
        optimiser.zero_grad()
        (size / (1 + inputs.square().sum()).sqrt()).backward()
        optimiser.step()
    return inputs.detach()


@several
@given(
    st.sampled_from(CONVOLUTIONAL),
    st.sampled_from(["sum", "mean", "any"]),
    seeds,
    st.integers(1, 9),
    caps,
    st.lists(st.sampled_from([None, 6.0, inf]), max_size=2),
    st.sampled_from([0.2, 1.0, 5.0]),
)
def test_no_input_passes_the_bound(
    kind: str, rule: str, seed: int, k: int, cap: float, behind: list[float | None], scale: float
) -> None:
    rng = np.random.default_rng(seed)
    unit = _unit(kind, rng, cap, behind)
    reduction = _merged(unit, k, rng, rule)
    random = scale * random_inputs(unit, kind, rng, count=6)
    for one in torch.cat([random, _worst(unit, reduction, kind, seed, scale)]).split(1):
        radius = np.sqrt(max(patch_radius(unit, one) ** 2 - 1, 0.0))
        error = sum(float(each.norm(dim=1).max()) for each in _errors(unit, reduction, one))
        assert error <= reduction_bound(unit, reduction, float(radius)) * (1 + 1e-9)


@several
@given(seeds, st.integers(1, 9), caps, st.sampled_from([None, 6.0]), st.floats(0, 20))
def test_for_sums_it_is_at_most_the_formula_of_the_issue(
    seed: int, k: int, cap: float, behind: float | None, radius: float
) -> None:
    """``Σ ‖C_i‖·(‖D̃‖₁ ρ‖w − w̃‖ + cap·‖D − D̃‖₁ + |Δb|)``, loop by loop."""
    rng = np.random.default_rng(seed)
    unit = _unit("shared", rng, cap, [behind])
    reduction = _merged(unit, k, rng, "sum")
    assert reduction.combination is not None
    (stage,), few = unit.depthwise, reduction.combination @ unit.depthwise[0].incoming
    rho, total = np.sqrt(1 + radius**2), 0.0
    for i, norm in enumerate(unit.outgoing_norms):
        own = int(mix_of(reduction)[i].argmax())
        moved = rho * np.linalg.norm(unit.incoming[i] - reduction.incoming[own])
        largest = min(cap, rho * float(np.linalg.norm(unit.incoming[i])))
        apart = np.abs(stage.incoming[i] - few[own])
        local = np.abs(few[own][:-1]).sum() * moved + largest * apart[:-1].sum() + apart[-1]
        total += norm * local
    assert reduction_bound(unit, reduction, radius) <= total * (1 + 1e-9)


@several
@given(st.sampled_from(KINDS), seeds, st.integers(1, 9), st.floats(0, 20))
def test_relu6_without_depthwise_is_b5_or_below(
    kind: str, seed: int, k: int, radius: float
) -> None:
    rng = np.random.default_rng(seed)
    unit = replace(make_unit(kind, rng), cap=6.0)
    labels = kmeans(unit.incoming, k, 0, n_init=1)
    rows = rng.normal(size=(k, unit.incoming.shape[1]))
    bound = reduction_bound(unit, Reduction(rows, membership(labels).T), radius)
    assert bound <= cluster_bound(unit, rows, labels, radius) * (1 + 1e-9)


def _one(cap: float, stages: tuple[Depthwise, ...] = ()) -> tuple[Unit, Reduction]:
    """One neuron ``w = 10`` and what (B6) makes of it: the unit row, the column times ten."""
    unit = make_unit("linear", np.random.default_rng(0), neurons=1)
    incoming = np.zeros((1, 7))
    incoming[0, 0] = 10.0
    reduction = Reduction(incoming / 10, np.full((1, 1), 10.0), combination=np.full((1, 1), 0.1))
    return replace(unit, incoming=incoming, cap=cap, depthwise=stages), reduction


def test_relu6_breaks_b6() -> None:
    """On ``x = 6`` ReLU loses nothing, ReLU6 54: 6 becomes ten times 6."""
    unit, reduction = _one(inf)
    assert reduction_bound(unit, reduction, 6.0) == 0
    clipped, _ = _one(6.0)
    norm = float(unit.outgoing_norms[0])
    assert reduction_bound(clipped, reduction, 6.0) >= 54 * norm
    with pytest.raises(UnsupportedUnit, match=r"\(B6\) rescales neurons, .*clipped at 6"):
        direction_bound(clipped, reduction.incoming, np.zeros(1, dtype=np.int64), 6.0)


def test_b5_is_refused_behind_a_depthwise_convolution() -> None:
    unit, reduction = _one(6.0, (_stage(np.random.default_rng(0), 1, None),))
    with pytest.raises(UnsupportedUnit, match=r"\(B5\) does not reach behind .* depthwise"):
        cluster_bound(unit, reduction.incoming, np.zeros(1, dtype=np.int64), 1.0)


def test_a_constant_map_attains_it() -> None:
    """w = 1 → 3 by the bias, D = ones → twos, b = 0 → 1, on the inner pixel of a 3 × 3 map."""
    unit = make_unit("flatten", np.random.default_rng(0), neurons=2)
    incoming = np.zeros((2, 19))
    incoming[:, -1] = [1.0, 3.0]
    rows = np.zeros((2, 10))
    rows[0], rows[1] = [1.0] * 9 + [0.0], [2.0] * 9 + [1.0]
    columns = np.zeros((1, 2, 9))
    columns[0, 0, 4] = 1.0
    consumer = replace(unit.consumers[0], outgoing=columns)
    stage = Depthwise("depthwise", rows, rows[:, :-1], rows[:, -1], None, None)
    unit = replace(unit, incoming=incoming, consumers=(consumer,), cap=6.0, depthwise=(stage,))
    swapped = np.array([[0.0, 1.0]])
    reduction = Reduction(incoming[1:], np.ones((2, 1)), combination=swapped)
    (error,) = _errors(unit, reduction, torch.zeros(1, 2, 3, 3).double())
    assert float(error.abs().max()) == pytest.approx(2 * 9 * 3 + 1 - 9)
    assert reduction_bound(unit, reduction, 0.0) == pytest.approx(18 * 2 + 9 * 1 + 1)
