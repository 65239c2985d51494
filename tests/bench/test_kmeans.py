"""K-means of one wide unit at five ratios: on projected features against on the raw ones.

Medians of interleaved rounds in one run, one thread, equal starts. The ratio is printed and kept in
the benchmark's record (``--benchmark-json``); it is not asserted, the equal inertia is.
"""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

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
    raw_seconds: list[float] = []
    raw: list[IntArray] = []

    def interleave() -> None:
        start = time.perf_counter()
        raw[:] = _raw(features)
        raw_seconds.append(time.perf_counter() - start)

    with threadpool_limits(limits=1):
        ours = benchmark.pedantic(
            _projected, args=(features,), setup=interleave, rounds=ROUNDS, iterations=1
        )
    assert benchmark.stats is not None
    seconds, reference = float(np.median(benchmark.stats.stats.data)), float(np.median(raw_seconds))
    benchmark.extra_info.update(raw=raw_seconds, speedup=reference / seconds, widths=WIDTHS)
    with capsys.disabled():
        print(f"\nK-means at k = {WIDTHS}: {reference:.1f} s on raw features,", end=" ")
        print(f"{seconds:.1f} s projected: {reference / seconds:.1f} times faster")
    for mine, theirs in zip(ours, raw, strict=True):
        assert inertia(features, mine) == pytest.approx(inertia(features, theirs), rel=1e-4)
