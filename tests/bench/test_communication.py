"""What compressed gradients cost: the hook in a step of two processes, index codecs, filters."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import nn

from experiments.communication.processes import exchanging
from experiments.communication.settings import Communication
from experiments.ddp import Company
from experiments.networks_cifar import ResNet
from tests.bench.timing import announce, race
from tests.harness.forks import in_two
from tropnnc.indexcodec import decode, encode, index_codec_names
from tropnnc.indexcodec.bloom import BloomFilter
from tropnnc.indexcodec.policies import POLICIES, positions
from tropnnc.unit import IntArray

ENTRIES, STEPS, BATCH, ROUNDS = 269_722, 12, 32, 5
SENT = (
    Communication("fp16"),
    Communication("powersgd"),
    Communication("topk_rice", 0.01, "fp32"),
    Communication("topk_rice", 0.1, "fp32"),
    Communication("topk_range", 0.1, "qsgd"),
    Communication("topk_bloom_p0", 0.01, "fp32"),
    Communication("topk_bloom_p2", 0.01, "fp32"),
)


def _trained(company: Company, communication: Communication) -> dict[str, float]:
    """Seconds of the hook and of a step of ResNet-20 on noise, and bytes sent in it."""
    torch.manual_seed(0)
    own = exchanging(company, communication, 0)
    network = own.averaging(ResNet(depth=20, classes=10).train())
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    for seed in range(STEPS):
        torch.manual_seed(2 * seed + company.rank)
        images, labels = torch.randn(BATCH, 3, 32, 32), torch.randint(10, (BATCH,))
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(images), labels).backward()
        optimizer.step()
    section = own.section()
    return {**section["timing"], "bytes": section["communication"]["bytes_per_step"]}


@pytest.mark.parametrize("communication", SENT, ids=lambda c: f"{c.codec}-{c.keep}-{c.values}")
def test_the_hook_in_a_step_of_two_processes(
    benchmark: BenchmarkFixture,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    communication: Communication,
) -> None:
    """Waiting for the other process is part of the hook's time."""
    first, _ = benchmark.pedantic(
        lambda: in_two(tmp_path, lambda company: _trained(company, communication)), rounds=1
    )
    share = first["hook_seconds"] / first["step_seconds"]
    benchmark.extra_info.update(first, share=share)
    announce(
        capsys,
        f"{communication.codec} {communication.keep} {communication.values}: the hook takes"
        f" {1000 * first['hook_seconds']:.1f} of {1000 * first['step_seconds']:.0f} ms,"
        f" {100 * share:.0f} % of a step; {first['bytes']:,.0f} of {4 * ENTRIES:,} bytes",
    )
    assert share < 0.75


def _support(share: float) -> IntArray:
    chosen = np.random.default_rng(0).choice(ENTRIES, round(share * ENTRIES), replace=False)
    return np.sort(chosen)


@pytest.mark.parametrize("share", [0.01, 0.1])
@pytest.mark.parametrize("codec", index_codec_names())
def test_index_codecs_against_zlib_of_the_bitmap(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], codec: str, share: float
) -> None:
    """There and back, of a uniform set; zlib at level 9."""
    support = _support(share)

    def zipped() -> tuple[bytes, IntArray]:
        bits = np.zeros(ENTRIES, dtype=np.bool_)
        bits[support] = True
        data = zlib.compress(np.packbits(bits).tobytes(), 9)
        unpacked = np.unpackbits(np.frombuffer(zlib.decompress(data), dtype=np.uint8))
        return data, np.flatnonzero(unpacked[:ENTRIES])

    def coded() -> tuple[bytes, IntArray]:
        data = encode(support, ENTRIES, codec)
        return data, decode(data)[0]

    outcome = race(benchmark, coded, zipped, ROUNDS)
    (ours, back), (theirs, again) = outcome.ours, outcome.reference
    size = len(ours) / len(theirs)
    benchmark.extra_info.update(size=size)
    announce(
        capsys,
        f"{codec}, {len(support):,} of {ENTRIES:,}: {1000 * outcome.seconds:.1f} ms and"
        f" {len(ours):,} bytes, {outcome.ratio:.2f} of the time and {size:.2f} of the size of zlib",
    )
    np.testing.assert_array_equal(back, again)
    assert outcome.seconds < 0.3
    if codec in ("rice", "range"):
        assert size < 1


@pytest.mark.parametrize("policy", sorted(set(POLICIES) - {"naive"}))
def test_filters_against_rice(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], policy: str
) -> None:
    """Making the filter of 1 % and finding its members, at false positives of 0.001."""
    support = _support(0.01)

    def filtered() -> tuple[bytes, IntArray]:
        bloom = BloomFilter.of(support, 0.001)
        return bloom.to_bytes(), positions(bloom, ENTRIES, len(support), policy, 0)

    def coded() -> tuple[bytes, IntArray]:
        data = encode(support, ENTRIES, "rice")
        return data, decode(data)[0]

    outcome = race(benchmark, filtered, coded, ROUNDS)
    (ours, members), (theirs, _) = outcome.ours, outcome.reference
    kept = np.isin(support, members).mean()
    announce(
        capsys,
        f"Bloom filter, {policy}: {1000 * outcome.seconds:.1f} ms and {len(ours):,} bytes,"
        f" {outcome.ratio:.0f} times Rice's time and {len(ours) / len(theirs):.2f} of its size;"
        f" {100 * kept:.1f} % of the set, {len(members):,} values",
    )
    assert len(ours) > len(theirs)
