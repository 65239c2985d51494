"""Forwards of factorised layers against the dense ones that they stand for; one thread."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn

from baselines.rewriters.execution import multiply_adds
from baselines.rewriters.hierarchical_tucker import HierarchicalTucker
from baselines.rewriters.protocol import Parameters, Rewriter
from baselines.rewriters.svd import SvdChannel
from baselines.rewriters.tensor_train import TensorTrain
from tests.bench.timing import announce, race

OUTPUTS, INPUTS = 300, 784
BATCHES = {1: 400, 64: 50}  # forwards per time taken
ROUNDS = 15
FORMATS: dict[str, Rewriter] = {
    "SVD": SvdChannel(),
    "split TT": TensorTrain(),
    "split HT": HierarchicalTucker(),
    "merged TT": TensorTrain("merged"),
}


def _repeated(module: nn.Module, x: Tensor, times: int) -> Callable[[], Tensor]:
    def forwards() -> Tensor:
        with torch.inference_mode():
            for _ in range(times - 1):
                module(x)
            return module(x)

    return forwards


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("name", FORMATS)
def test_forward_of_a_format_against_dense(
    name: str, batch: int, benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """A quarter of the parameters of LeNet-300-100's first layer, random weights."""
    torch.manual_seed(0)
    dense = nn.Linear(INPUTS, OUTPUTS)
    module = FORMATS[name].rewrite(dense, Parameters(OUTPUTS * INPUTS // 4)).module
    x, times = torch.randn(batch, INPUTS), BATCHES[batch]
    ours, reference = _repeated(module, x, times), _repeated(dense, x, times)
    ours()  # the order of contraction is found once
    outcome = race(benchmark, ours, reference, ROUNDS)
    shape = (batch, INPUTS)
    macs = multiply_adds(module, shape) / multiply_adds(dense, shape)
    benchmark.extra_info.update(macs=macs)
    announce(
        capsys,
        f"{name} of 300 × 784, a quarter of its parameters, batch {batch}: dense"
        f" {outcome.reference_seconds / times * 1e6:.0f} µs, factors"
        f" {outcome.seconds / times * 1e6:.0f} µs: {outcome.ratio:.2f} of the time at {macs:.2f}"
        " of the multiply-adds",
    )
    assert outcome.ours.shape == outcome.reference.shape
    assert (macs < 1) == (name != "merged TT")
