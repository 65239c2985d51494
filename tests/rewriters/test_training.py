"""Networks of stored forms go into training and come back as they are stored."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from baselines.rewriters.bits import UniformBits
from baselines.rewriters.low_rank_sparse import LowRankSparse
from baselines.rewriters.network import layers_of, learners, rewrite_network, settled
from baselines.rewriters.nm import Nm
from baselines.rewriters.protocol import Bits, Budget, Layer, Parameters, Pattern, Rewriter
from tests.networks import build, images


@pytest.mark.parametrize(
    ("rewriter", "budget"),
    [
        (Nm("flat"), Pattern(2, 5)),
        (UniformBits("channel"), Bits(4)),
        (UniformBits(grid="zero"), Bits(3)),
        (LowRankSparse(), None),
    ],
)
def test_a_step_through_the_stored_form(rewriter: Rewriter, budget: Budget | None) -> None:
    dense = build("lenet5")

    def budget_of(_name: str, layer: Layer) -> Budget:
        return budget or Parameters(layer.weight.numel() // 2)

    model, reports = rewrite_network(dense, rewriter, budget_of, tuple(layers_of(dense)))
    assert sum(report.status == "rewritten" for report in reports) >= 3
    x, state = images("lenet5"), {k: v.clone() for k, v in model.state_dict().items()}
    trained = learners(model)
    torch.testing.assert_close(trained(x), model(x))
    optimizer = torch.optim.SGD(trained.parameters(), 1e-2)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(trained(x), torch.arange(8) % 5).backward()
        optimizer.step()
    stored = settled(trained)
    assert stored.state_dict().keys() == state.keys()
    torch.testing.assert_close(stored(x), trained(x))
    assert not torch.equal(stored(x), model(x))
    assert all(torch.equal(model.state_dict()[key], state[key]) for key in state)
