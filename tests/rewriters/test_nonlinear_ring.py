"""Rings with activations between the cores: where they are, and how training bends them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.rewriters.annealing import Act, Activation, anneal
from baselines.rewriters.nonlinear_ring import NonlinearRing, Place
from baselines.rewriters.tensor_ring import TensorRing
from tests.rewriters.tensors import LAYERS, made
from tropnnc import TropnncError

ACTS: dict[Act, Callable[[Tensor], Tensor]] = {
    "relu": F.relu,
    "tanh": torch.tanh,
    "leaky": F.leaky_relu,
}


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


def test_faults() -> None:
    with pytest.raises(TropnncError, match="accepted are in, kernel, both"):
        NonlinearRing("out")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match="accepted are relu, tanh, leaky, identity"):
        NonlinearRing(act="gelu")  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match=r"ring = .* is not accepted, a TensorRing is"):
        NonlinearRing(ring={"r0": 3})  # pyright: ignore[reportArgumentType]
    with pytest.raises(TropnncError, match="no place for an activation"):
        NonlinearRing(ring=TensorRing("merged"))
