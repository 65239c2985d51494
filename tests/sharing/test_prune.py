"""Pruning by percentile, and retraining that leaves zeros alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch import nn

from baselines.rewriters.network import settled
from baselines.rewriters.protocol import Learner
from baselines.sharing.masked import MaskedLayer, prune_network
from baselines.sharing.prune import surviving
from tests.networks import build, images
from tropnnc import TropnncError
from tropnnc.unit import Array

WEIGHTS = arrays(
    np.float64, st.integers(1, 40), elements=st.floats(-2, 2, width=16, allow_subnormal=False)
)


@settings(max_examples=25, deadline=None)
@given(weight=WEIGHTS, percent=st.floats(0.5, 99.5))
def test_what_is_at_or_below_the_percentile_goes(weight: Array, percent: float) -> None:
    ordered = np.sort(np.abs(weight))
    place = percent / 100 * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    threshold = ordered[low] + (place - low) * (ordered[high] - ordered[low])
    mask = surviving(weight, percent)
    near = np.abs(np.abs(weight) - threshold) < 1e-12  # rounding may decide
    np.testing.assert_array_equal(mask[~near], (np.abs(weight) > threshold)[~near])
    exact = np.percentile(np.abs(weight), percent)
    assert np.count_nonzero(~mask) == np.count_nonzero(np.abs(weight) <= exact)


def test_all_ties_with_the_threshold_go() -> None:
    assert surviving(np.array([1.0, -1, 1, 1, 3]), 30).tolist() == [False] * 4 + [True]


def test_nothing_but_zeros_goes_at_0() -> None:
    assert surviving(np.array([1e-9, 0, -2]), 0).tolist() == [True, False, True]


@pytest.mark.parametrize("percent", [-1, 100])
def test_percentages_outside_are_refused(percent: float) -> None:
    with pytest.raises(TropnncError, match="accepted are percentages"):
        surviving(np.ones(3), percent)


def kernels(model: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in model.named_parameters() if p.dim() > 1}


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_zeros_stay_zero_after_every_step(
    optimizer: type[torch.optim.SGD] | type[torch.optim.Adam],
) -> None:
    dense = build("lenet5")
    pruned = prune_network(dense, 70)
    masks = {name: kernel != 0 for name, kernel in kernels(pruned).items()}
    before = {name: p.detach().clone() for name, p in pruned.named_parameters()}
    own = optimizer(pruned.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(3):
        own.zero_grad()
        pruned(images("lenet5")).square().sum().backward()
        own.step()
        for name, kernel in kernels(pruned).items():
            assert torch.equal(kernel != 0, masks[name])
    assert all((p != before[name]).any() for name, p in pruned.named_parameters())


def test_a_pruned_network_settles_into_plain_layers() -> None:
    dense = build("lenet5")
    pruned = prune_network(dense, 50, ["conv2", "fc1"])
    assert isinstance(pruned.get_submodule("fc1"), MaskedLayer)
    assert isinstance(pruned.get_submodule("fc1"), Learner)
    plain = settled(pruned)
    assert plain.state_dict().keys() == dense.state_dict().keys()
    x = images("lenet5")
    assert torch.equal(plain(x), pruned(x))
    for name, module in dense.named_modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            weight = plain.get_submodule(name).weight
            assert isinstance(weight, nn.Parameter)
            half = module.weight.abs() > np.percentile(module.weight.detach().abs().double(), 50)
            kept = half if name in ("conv2", "fc1") else torch.ones_like(half)
            assert torch.equal(weight, module.weight * kept)


def test_names_of_other_modules_are_refused() -> None:
    with pytest.raises(TropnncError, match="'fc9' is no Linear or Conv2d; there are conv1, "):
        prune_network(build("lenet5"), 50, ["fc9"])
