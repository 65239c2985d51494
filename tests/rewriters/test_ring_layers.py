"""Layers in ring form: what they execute, activations between the cores, random cores."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.rewriters import tensor_ring
from baselines.rewriters.annealing import Act, Activation, anneal
from baselines.rewriters.arranging import Order
from baselines.rewriters.execution import multiply_adds
from baselines.rewriters.geometry import Geometry
from baselines.rewriters.nonlinear_ring import NonlinearRing, Place
from baselines.rewriters.protocol import Layer, Parameters
from baselines.rewriters.ring import he_ring
from baselines.rewriters.ring_layers import RingConv, RingLinear
from baselines.rewriters.tensor_ring import TensorRing
from tropnnc import TropnncError

LAYERS = {
    "linear": (lambda: nn.Linear(24, 30), (24,)),
    "conv": (lambda: nn.Conv2d(8, 12, (3, 2), (2, 1), (1, 0), (1, 2)), (8, 9, 7)),
}
ACTS: dict[Act, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "tanh": torch.tanh,
    "leaky": F.leaky_relu,
}


def made(kind: str) -> tuple[Layer, Tensor, Parameters]:
    """A layer, an input, and half its parameters."""
    torch.manual_seed(0)
    make, shape = LAYERS[kind]
    layer = make()
    return layer, torch.randn(5, *shape), Parameters(layer.weight.numel() // 2)


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


@pytest.mark.parametrize("act", ["relu", "tanh", "leaky", "identity"])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_ring_with_the_identity_inside_is_the_linear_ring(kind: str, act: Act) -> None:
    """Bit for bit: of the identity always, of others until training bends them."""
    layer, x, budget = made(kind)
    linear = TensorRing().rewrite(layer, budget)
    bent = NonlinearRing(act=act, anneal=act != "identity").rewrite(layer, budget)
    assert torch.equal(bent.module(x), linear.module(x))
    assert bent.bits == linear.bits
    assert bent.facts["relative_error"] == linear.facts["relative_error"]


@pytest.mark.parametrize("act", ACTS)
def test_activations_of_a_matrix(act: Act) -> None:
    layer, x, budget = made("linear")
    module = NonlinearRing("in", act).rewrite(layer, budget).module
    bias, a, b, c, d = module.parameters()
    z = ACTS[act](torch.einsum("nij,aib,bjc->nac", x.unflatten(1, (4, 6)), a, b))
    expected = torch.einsum("nac,coe,epa->nop", z, c, d).flatten(1) + bias
    torch.testing.assert_close(module(x), expected)
    everywhere = NonlinearRing("both", act).rewrite(layer, budget).module
    assert torch.equal(everywhere(x), module(x))
    kernel = NonlinearRing("kernel", act).rewrite(layer, budget).module
    assert torch.equal(kernel(x), TensorRing().rewrite(layer, budget).module(x))


@pytest.mark.parametrize("place", ["in", "kernel", "both"])
def test_activations_of_a_kernel(place: Place) -> None:
    """Written out with r_0 as an axis of its own."""
    layer, x, budget = made("conv")
    assert isinstance(layer, nn.Conv2d)
    module = NonlinearRing(place, "relu").rewrite(layer, budget).module
    bias, a, k, b = module.parameters()
    z = torch.einsum("nchw,acb->nabhw", x, a)
    z = z.relu() if place != "kernel" else z
    kernel = k.permute(2, 0, 1).unflatten(2, (3, 2))
    slices = [F.conv2d(z[:, r], kernel, None, (2, 1), (1, 0), (1, 2)) for r in range(z.shape[1])]
    y = torch.stack(slices, 1)
    y = y.relu() if place != "in" else y
    expected = torch.einsum("nabhw,boa->nohw", y, b) + bias[:, None, None]
    torch.testing.assert_close(module(x), expected, atol=1e-5, rtol=1e-5)


def test_annealing() -> None:
    z = torch.tensor([-2.0, 0.0, 3.0])
    activation = Activation("relu", annealed=True)
    for share, expected in ((0.0, -2.0), (0.25, -1.5), (1.0, 0.0)):
        activation.anneal(share)
        assert activation(z).tolist() == [expected, 0.0, 3.0]
    with pytest.raises(TropnncError, match="accepted are 0 to 1"):
        activation.anneal(1.5)


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("kind", LAYERS)
def test_an_annealed_ring_ends_as_the_nonlinear_one_and_says_where_it_is(
    kind: str, act: Act
) -> None:
    layer, x, budget = made(kind)
    straight = NonlinearRing(act=act).rewrite(layer, budget).module
    annealed = NonlinearRing(act=act, anneal=True).rewrite(layer, budget).module
    other = NonlinearRing(act=act, anneal=True).rewrite(layer, budget).module
    anneal(nn.Sequential(annealed), 0.5)
    anneal(straight, 0.5)
    assert not torch.equal(annealed(x), straight(x))
    other.load_state_dict(annealed.state_dict())
    assert torch.equal(other(x), annealed(x))
    anneal(annealed, 1.0)
    assert torch.equal(annealed(x), straight(x))


def test_nonlinear_rings_train() -> None:
    torch.manual_seed(0)
    layer, x, budget = made("linear")
    module = NonlinearRing(anneal=True).rewrite(layer, budget).module
    target, optimiser = layer(x).relu().detach(), torch.optim.Adam(module.parameters(), 1e-2)
    losses = []
    for step in range(20):
        anneal(module, step / 19)
        loss = F.mse_loss(module(x), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


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
    with pytest.raises(TropnncError, match="r0 = 0 is out of range"):
        TensorRing(r0=0)
    with pytest.raises(TropnncError, match="accepted are in, kernel, both"):
        NonlinearRing("out")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match="accepted are relu, tanh, leaky, identity"):
        NonlinearRing(act="gelu")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match="no place for an activation"):
        NonlinearRing(ring=TensorRing("merged"))
    with pytest.raises(TropnncError, match=r"no first mode of .* has r_0 = 9"):
        TensorRing(r0=9).rewrite(nn.Linear(24, 30), Parameters(999))
    with pytest.raises(TropnncError, match="unknown first 'last'"):
        TensorRing(first="last")  # pyright: ignore[reportArgumentType]
