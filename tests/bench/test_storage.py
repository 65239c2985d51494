"""Codes of ResNet-20, 80 % pruned with 64 shared values, against zlib's level 9; one thread."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor

from baselines.sharing.cws import Cws
from baselines.sharing.network import share_network
from experiments.networks_cifar import ResNet
from tests.bench.timing import announce, race
from tests.storage.tensors import bit_equal
from tropnnc.files import load_state, load_weights
from tropnnc.storage import restore, store

CHECKPOINT = Path("results/checkpoints/cifar10_resnet20_seed0.safetensors")
PERCENT, VALUES, ROUNDS = 80, 64, 20
CODECS = ["ham", "range"]


@pytest.fixture(scope="module")
def state() -> Mapping[str, Tensor]:
    """Codes of a byte each, one codebook, biases and batch norm."""
    model = ResNet(20, 10)
    load_state(model, load_weights(CHECKPOINT), str(CHECKPOINT))
    return share_network(model, Cws(), VALUES, prune=PERCENT).state_dict()


def _deflated(state: Mapping[str, Tensor]) -> bytes:
    """zlib over all bytes at once."""
    return zlib.compress(store(state, "fp32"), 9)


@pytest.mark.parametrize("codec", CODECS)
def test_coding(
    benchmark: BenchmarkFixture,
    capsys: pytest.CaptureFixture[str],
    state: Mapping[str, Tensor],
    codec: str,
) -> None:
    outcome = race(benchmark, lambda: store(state, codec), lambda: _deflated(state), ROUNDS)
    size, deflated = len(outcome.ours), len(outcome.reference)
    benchmark.extra_info.update(bytes=size, zlib_bytes=deflated)
    announce(
        capsys,
        f"coding ResNet-20's codes: {codec} {size:,} bytes in {1e3 * outcome.seconds:.1f} ms, zlib"
        f" {deflated:,} in {1e3 * outcome.reference_seconds:.1f} ms: {size / deflated:.2f} of the"
        f" size in {outcome.ratio:.2f} of the time",
    )
    assert size < deflated


@pytest.mark.parametrize("codec", CODECS)
def test_decoding(
    benchmark: BenchmarkFixture,
    capsys: pytest.CaptureFixture[str],
    state: Mapping[str, Tensor],
    codec: str,
) -> None:
    data, deflated = store(state, codec), _deflated(state)
    outcome = race(
        benchmark, lambda: restore(data), lambda: restore(zlib.decompress(deflated)), ROUNDS
    )
    announce(
        capsys,
        f"decoding ResNet-20's codes: {codec} {1e3 * outcome.seconds:.1f} ms, zlib"
        f" {1e3 * outcome.reference_seconds:.1f} ms: {outcome.ratio:.2f} times as long",
    )
    for read in (outcome.ours, outcome.reference):
        assert all(bit_equal(read[name], tensor) for name, tensor in state.items())
