"""K-means of one wide unit at five ratios: on projected features against on the raw ones.

Medians of interleaved rounds in one run, one thread, equal starts. The ratio is printed and kept in
the benchmark's record (``--benchmark-json``); it is not asserted, the equal inertia is.
"""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from tests.bench.timing import announce, race
from tropnnc.clustering import inertia, kmeans, project
from tropnnc.unit import Array, IntArray

NEURONS, FEATURES, RATIOS = 512, 9216, (0.75, 0.5, 0.25, 0.1, 0.05)
WIDTHS = [round(NEURONS * ratio) for ratio in RATIOS]
STARTS, ROUNDS, SEED = 10, 3, 0


@pytest.fixture(scope="module")
def features() -> Array:
    """Neurons scattered widely about 64 centres."""
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(64, FEATURES))[rng.integers(64, size=NEURONS)]
    return centres + rng.normal(size=(NEURONS, FEATURES))


def _raw(features: Array) -> list[IntArray]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return [
            KMeans(k, random_state=SEED).set_params(n_init=STARTS).fit_predict(features)
            for k in WIDTHS
        ]


def _projected(features: Array) -> list[IntArray]:
    points = project(features)
    return [kmeans(points, k, SEED, STARTS) for k in WIDTHS]


def test_kmeans_reduction(
    benchmark: BenchmarkFixture, features: Array, capsys: pytest.CaptureFixture[str]
) -> None:
    with threadpool_limits(limits=1):
        outcome = race(benchmark, lambda: _projected(features), lambda: _raw(features), ROUNDS)
    benchmark.extra_info.update(widths=WIDTHS)
    announce(
        capsys,
        f"K-means at k = {WIDTHS}: {outcome.reference_seconds:.1f} s on raw features,"
        f" {outcome.seconds:.1f} s projected: {1 / outcome.ratio:.1f} times faster",
    )
    for mine, theirs in zip(outcome.ours, outcome.reference, strict=True):
        assert inertia(features, mine) == pytest.approx(inertia(features, theirs), rel=1e-4)
