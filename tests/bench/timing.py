"""Times taken in turn in one run, printed and kept in the benchmark's record."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

T = TypeVar("T")


@dataclass(frozen=True)
class Race(Generic[T]):
    """What two ways of doing the same returned last, and their median seconds."""

    ours: T
    reference: T
    seconds: float
    reference_seconds: float

    @property
    def ratio(self) -> float:
        """Our seconds in units of the reference's."""
        return self.seconds / self.reference_seconds


def race(
    benchmark: BenchmarkFixture, ours: Callable[[], T], reference: Callable[[], T], rounds: int
) -> Race[T]:
    """Run ``reference`` and ``ours`` in turn, ``rounds`` times each, and record both."""
    seconds: list[float] = []
    results: list[T] = []

    def interleave() -> None:
        start = time.perf_counter()
        results[:] = [reference()]
        seconds.append(time.perf_counter() - start)

    result = benchmark.pedantic(ours, setup=interleave, rounds=rounds, iterations=1)
    outcome = Race(result, results[0], median_seconds(benchmark), float(np.median(seconds)))
    benchmark.extra_info.update(reference=seconds, ratio=outcome.ratio)
    return outcome


def median_seconds(benchmark: BenchmarkFixture) -> float:
    """Median over the rounds of ``benchmark``."""
    assert benchmark.stats is not None
    return float(np.median(benchmark.stats.stats.data))


def announce(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Print ``line`` although pytest captures."""
    with capsys.disabled():
        print(f"\n{line}")
