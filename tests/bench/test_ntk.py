"""NTK-LC's ternary network against the dense float32 network it stands for; one thread."""

from __future__ import annotations

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn

from baselines.ntk_lc import WeightLaw, ntk_lc, random_features
from baselines.ntk_lc.activations import RELU
from baselines.ntk_lc.layers import integer_product
from baselines.ntk_lc.weights import draw_weights
from tests.bench.timing import announce, race

INPUTS, WIDTHS, SPARSITY, BATCH = 784, (5000, 5000, 5000), 0.9, 1000
ROUNDS = 5


def _bytes(network: nn.Module) -> int:
    return sum(buffer.numel() * buffer.element_size() for buffer in network.buffers())


def _vectors() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(BATCH, INPUTS, generator=generator) / INPUTS**0.5


def test_packed_ternary_forward_against_dense(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """The ternary one unpacks its weights in every forward; that is part of its time."""
    layers = [RELU] * len(WIDTHS)
    ternary = ntk_lc(INPUTS, WIDTHS, layers, SPARSITY, seed=0)
    dense = random_features(INPUTS, WIDTHS, layers, WeightLaw("gaussian"), seed=0)
    x = _vectors()
    outcome = race(benchmark, lambda: ternary(x), lambda: dense(x), ROUNDS)
    memory = _bytes(dense) / _bytes(ternary)
    benchmark.extra_info.update(memory=memory)
    announce(
        capsys,
        f"{BATCH:,} vectors through 3 × 5,000 at ε = {SPARSITY}: float32"
        f" {outcome.reference_seconds:.2f} s in {_bytes(dense) / 1e6:.0f} MB, packed ternary"
        f" {outcome.seconds:.2f} s in {_bytes(ternary) / 1e6:.1f} MB: {1 / outcome.ratio:.1f} times"
        f" faster, {memory:.1f} times smaller",
    )
    assert outcome.ours.shape == outcome.reference.shape
    assert memory == pytest.approx(16, rel=1e-3)
    assert outcome.ratio < 1


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
def test_integer_product_against_a_sparse_one(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Why the forward does not multiply sparsely, although nine weights in ten are 0."""
    numbers = draw_weights(WeightLaw("ternary", SPARSITY), 5000, 5000, 0, 0)
    generator = torch.Generator().manual_seed(0)
    excited = torch.randint(0, 2, (BATCH, 5000), dtype=torch.int8, generator=generator)
    rows, columns = numbers.nonzero(as_tuple=True)
    ends = torch.bincount(rows, minlength=5000).cumsum(0)
    sparse = torch.sparse_csr_tensor(
        torch.cat([torch.zeros(1, dtype=torch.int64), ends]),
        columns,
        numbers[rows, columns].float(),
        numbers.shape,
        check_invariants=True,
    )
    columns_first = excited.float().T.contiguous()
    outcome = race(
        benchmark,
        lambda: integer_product(excited, numbers),
        lambda: sparse @ columns_first,
        ROUNDS,
    )
    announce(
        capsys,
        f"{BATCH:,} × 5,000 × 5,000 at ε = {SPARSITY}: sparse float32"
        f" {outcome.reference_seconds:.3f} s, dense int8 {outcome.seconds:.3f} s:"
        f" {1 / outcome.ratio:.1f} times faster",
    )
    assert torch.equal(outcome.ours.float(), outcome.reference.T)
    assert outcome.ratio < 1
