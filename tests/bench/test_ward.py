"""Ward linkage once and its cuts against scikit-learn's fits, and the search for widths on top.

Interleaved rounds in one run, one thread. The units of the network are read beforehand, as any
method has to read them.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from sklearn.cluster import AgglomerativeClustering
from sklearn.metrics import adjusted_rand_score
from threadpoolctl import threadpool_limits
from torch import nn

from tests.bench.timing import announce, race
from tropnnc import make_allocator
from tropnnc.graph import discover
from tropnnc.surgery import read_unit
from tropnnc.unit import Array, IntArray
from tropnnc.ward import cut, ward

NEURONS, FEATURES, RATIOS = 512, 9216, (0.75, 0.5, 0.25, 0.1, 0.05)
WIDTHS = [round(NEURONS * ratio) for ratio in RATIOS]
ROUNDS = 3
CONVOLUTIONS = (64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512)


def _fits(features: Array) -> list[IntArray]:
    return [AgglomerativeClustering(k, linkage="ward").fit_predict(features) for k in WIDTHS]


def _cuts(features: Array) -> list[IntArray]:
    tree = ward(features)
    return [cut(tree, k) for k in WIDTHS]


def test_five_cuts_against_five_fits(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    features = np.random.default_rng(0).normal(size=(NEURONS, FEATURES))
    with threadpool_limits(limits=1):
        outcome = race(benchmark, lambda: _cuts(features), lambda: _fits(features), ROUNDS)
    announce(
        capsys,
        f"Ward at k = {WIDTHS}: {outcome.reference_seconds:.2f} s in five fits, from one linkage"
        f" {outcome.seconds:.3f} s: {1 / outcome.ratio:.1f} times faster (goal 20)",
    )
    for mine, theirs in zip(outcome.ours, outcome.reference, strict=True):
        assert adjusted_rand_score(mine, theirs) == 1.0
    assert outcome.ratio < 1 / 20


def _vgg16() -> nn.Sequential:
    """VGG-16's convolutions for 32 × 32 pixels, and one linear layer."""
    layers: list[nn.Module] = []
    channels = 3
    for size in CONVOLUTIONS:
        if isinstance(size, str):
            layers.append(nn.MaxPool2d(2))
        else:
            layers += [nn.Conv2d(channels, size, 3, padding=1), nn.BatchNorm2d(size), nn.ReLU()]
            channels = size
    return nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(channels, 10)).eval()


def test_search_for_widths_against_its_linkages(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = _vgg16()
    sites = discover(model, torch.zeros(1, 3, 32, 32)).sites
    assert len(sites) == 13
    units = {site.producer: read_unit(model, site) for site in sites}
    features = [(unit.incoming, unit.outgoing) for unit in units.values()]
    allocator = make_allocator("tropnnc", normalisation="norm", budget="macs")

    def linkages() -> int:
        return sum(ward(*rows).leaves for rows in features)

    def search() -> int:
        state = allocator.prepare(sites, lambda site: units[site.producer])
        return max(sum(allocator.widths(state, ratio).values()) for ratio in RATIOS)

    with threadpool_limits(limits=1):
        outcome = race(benchmark, search, linkages, rounds=5)
    announce(
        capsys,
        f"VGG-16: {outcome.reference_seconds:.2f} s for 13 linkages, {outcome.seconds:.2f} s with"
        f" features, budgets and widths at 5 ratios: {outcome.ratio:.2f} times (goal 1.5)",
    )
    assert outcome.ours < outcome.reference  # neurons
    assert outcome.ratio < 1.5
