"""Layers in ring form: what they execute, where they begin, random cores, least squares."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from baselines.rewriters import tensor_ring
from baselines.rewriters.arranging import Order
from baselines.rewriters.execution import multiply_adds
from baselines.rewriters.geometry import Geometry
from baselines.rewriters.protocol import Parameters
from baselines.rewriters.ring import he_ring
from baselines.rewriters.ring_layers import RingConv, RingLinear
from baselines.rewriters.tensor_ring import TensorRing
from tests.rewriters.tensors import LAYERS, made
from tropnnc import TropnncError


def random_cores(sizes: tuple[int, ...], ranks: tuple[int, ...]) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    return [core.float() for core in he_ring(sizes, ranks, 10, generator)]


@pytest.mark.parametrize(("r2", "macs"), [(167, 265_080), (82, 147_440)])
def test_multiply_adds_of_a_split_matrix(r2: int, macs: int) -> None:
    """relatives.md B.6: 1.13 and .63 of 300 × 784 at ranks (2, 14, 167, 20) and (2, 14, 82, 20)."""
    cores = random_cores((28, 28, 15, 20), (2, 14, r2, 20))
    module = RingLinear(cores[:2], cores[2:], None)
    assert multiply_adds(module, (1, 784)) == multiply_adds(module, (64, 784)) == macs
    assert macs / 235_200 == pytest.approx({167: 1.13, 82: 0.63}[r2], abs=0.005)


def test_multiply_adds_of_a_kernel() -> None:
    """relatives.md B.3: 1 × 1 on the input's map, r₀ k² r₁ r₂ and 1 × 1 on the output's."""
    module = RingConv(random_cores((8, 9, 12), (2, 3, 5)), None, (3, 3), Geometry((2, 2), (1, 1)))
    expected = 8 * 2 * 3 * 16 * 16 + 2 * 9 * 3 * 5 * 8 * 8 + 5 * 2 * 12 * 8 * 8
    assert multiply_adds(module, (4, 8, 16, 16)) == expected


@pytest.mark.parametrize("kind", LAYERS)
def test_random_cores_have_the_ranks_of_the_svd_and_hang_on_seed_and_weight(kind: str) -> None:
    layer, _, budget = made(kind)
    start = TensorRing().rewrite(layer, budget)
    one, same, other = (
        TensorRing(init="random", seed=seed).rewrite(layer, budget) for seed in (0, 0, 1)
    )
    assert one.facts["ranks"] == start.facts["ranks"]
    first = [result.module.state_dict()["cores.0"] for result in (one, same, other)]
    assert torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])
    with torch.no_grad():
        layer.weight.mul_(2)
    changed = TensorRing(init="random").rewrite(layer, budget)
    assert changed.facts["ranks"] == one.facts["ranks"]
    assert not torch.equal(changed.module.state_dict()["cores.0"], first[0])


@pytest.mark.parametrize("order", ["split", "merged"])
@pytest.mark.parametrize("kind", LAYERS)
def test_the_best_first_mode_misses_no_more_than_the_inputs(kind: str, order: Order) -> None:
    layer, _, budget = made(kind)
    inputs, best = (
        TensorRing(order, first=first).rewrite(layer, budget).facts for first in ("input", "best")
    )
    assert inputs["first"] == 0
    assert best["relative_error"] <= inputs["relative_error"] + 1e-7


@pytest.mark.parametrize("order", ["split", "merged"])
@pytest.mark.parametrize("kind", LAYERS)
def test_sweeps_of_least_squares_lower_the_error(kind: str, order: Order) -> None:
    layer, _, budget = made(kind)
    plain, swept = (
        TensorRing(order, sweeps=sweeps).rewrite(layer, budget).facts for sweeps in (0, 3)
    )
    assert swept["relative_error"] < plain["relative_error"]
    assert swept["ranks"] == plain["ranks"]
    assert (plain["sweeps"], swept["sweeps"]) == (0, 3)


def test_no_sweeps_where_a_core_has_too_many_unknowns(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, _, budget = made("linear")
    facts = TensorRing(sweeps=2).rewrite(layer, budget).facts
    unknowns = max(a * b for a, b in pairwise([*facts["ranks"], facts["ranks"][0]]))
    for most, sweeps in ((unknowns, 2), (unknowns - 1, 0)):
        monkeypatch.setattr(tensor_ring, "_MOST_UNKNOWNS", most)
        assert TensorRing(sweeps=2).rewrite(layer, budget).facts["sweeps"] == sweeps


def test_faults() -> None:
    with pytest.raises(TropnncError, match="accepted are svd, random"):
        TensorRing(init="he")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match="sweeps = -1 is out of range"):
        TensorRing(sweeps=-1)
    with pytest.raises(TropnncError, match="r0 = 0 is out of range"):
        TensorRing(r0=0)
    with pytest.raises(TropnncError, match=r"no first mode of .* has r_0 = 9"):
        TensorRing(r0=9).rewrite(nn.Linear(24, 30), Parameters(999))
    with pytest.raises(TropnncError, match="unknown first 'last'"):
        TensorRing(first="last")  # pyright: ignore[reportArgumentType]
