"""SR-STE: the gradient, and learners that settle into what is stored."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from baselines.rewriters.grouping import kept
from baselines.rewriters.nm import Nm, NmLayer, NmLearner
from baselines.rewriters.protocol import Layer, Learnable, Learner, Pattern
from baselines.rewriters.sr_ste import sparse_refined
from tests.rewriters.small_layers import images, layer


def stored(own: Layer, decay: float = 2e-4) -> NmLayer:
    module = Nm(decay=decay).rewrite(own, Pattern(2, 4)).module
    assert isinstance(module, NmLayer)
    return module


@pytest.mark.parametrize("decay", [2e-4, 0.0])
def test_the_golden_gradient(decay: float) -> None:
    weight = torch.tensor([[4.0, -3, 2, 1]], requires_grad=True)
    output = sparse_refined(weight, kept(weight.detach(), 2), decay)
    assert output.tolist() == [[4, -3, 0, 0]]
    output.sum().backward()
    assert weight.grad is not None
    expected = torch.tensor([[1, 1, 1 + 2 * decay, 1 + decay]])
    torch.testing.assert_close(weight.grad, expected, rtol=0, atol=1e-7)


def trained(learner: nn.Module, x: Tensor, steps: int = 20) -> None:
    optimizer = torch.optim.SGD(learner.parameters(), 0.02, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        (learner(x) - 1).square().mean().backward()
        optimizer.step()


@pytest.mark.parametrize("name", ["linear", "conv"])
def test_a_learner_changes_its_pattern_and_settles_into_the_same_function(name: str) -> None:
    own = layer(name)
    x, module = images(own), stored(own)
    assert isinstance(module, Learnable)
    learner = module.learner()
    assert isinstance(learner, Learner)
    assert torch.equal(learner.weight, own.weight)  # dense, from before the pruning
    assert torch.equal(learner(x), module(x))
    before = {key: value.clone() for key, value in module.state_dict().items()}
    trained(learner, x)
    after = learner.settled()
    assert torch.equal(after(x), learner(x))
    assert (after.pattern != module.pattern).any()
    assert after.state_dict().keys() == before.keys()
    assert all(torch.equal(module.state_dict()[key], before[key]) for key in before)


def test_the_decay_is_not_swallowed() -> None:
    """The public layers accept it and go on with 2e-4."""
    own = layer("linear")
    weights = []
    for decay in (0.0, 2e-4, 0.5):
        learner = stored(own, decay).learner()
        trained(learner, images(own))
        weights.append(learner.weight.detach())
        assert learner.settled().decay == decay
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[1], weights[2])


def test_a_learner_starts_from_what_is_stored_where_that_is_no_longer_the_origin() -> None:
    own = layer("linear")
    module = stored(own)
    module.load_state_dict(stored(layer("linear", seed=5)).state_dict())
    learner = module.learner()
    assert isinstance(learner, NmLearner)
    assert torch.equal(learner.weight, module.weight)
    assert torch.equal(learner(images(own)), module(images(own)))
