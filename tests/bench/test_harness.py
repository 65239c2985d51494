"""What the harness costs beside the work itself. Ratios are printed and recorded, not asserted."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from experiments.architectures import LeNet5
from experiments.evaluation import evaluate
from experiments.record import read_records
from tests.bench.loops import bare_loop
from tests.bench.timing import announce, median_seconds, race
from tests.harness.cells import ROOT

IMAGES = 10_000
METHODS = "l1,misiakos,tropnnc,tropnnc_iterative,thinet,thinet_keep"
RATIOS = "0.75,0.5,0.25,0.1,0.05"
MORE_RATIOS = f"{RATIOS},0.9,0.6,0.4,0.3,0.2"


def test_evaluation_against_a_bare_loop(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(IMAGES, 1, 28, 28, generator=generator)
    labels = torch.randint(10, (IMAGES,), generator=generator)
    model = LeNet5().eval()
    outcome = race(
        benchmark,
        lambda: evaluate(model, images, labels, torch.device("cpu")).correct,
        lambda: bare_loop(model, images, labels),
        rounds=5,
    )
    announce(
        capsys,
        f"evaluation of {IMAGES:,} images: {outcome.seconds:.3f} s in the harness,"
        f" {outcome.reference_seconds:.3f} s in a bare loop: {outcome.ratio:.2f} × (goal 1.15)",
    )
    assert outcome.ours == outcome.reference


def _sweep(results: Path, *grid: str) -> str:
    command = [sys.executable, "run.py", "-m", *grid, f"results_dir={results}"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return answer.stdout


def test_share_of_a_sweep_that_is_neither_compressing_nor_evaluating(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    grid = ("arch=lenet5", f"method={METHODS}", f"ratio={RATIOS}")
    _sweep(tmp_path, "arch=lenet5", "method=random")  # trains the network

    def only_the_network() -> None:
        shutil.rmtree(tmp_path / "runs" / "cells")

    benchmark.pedantic(_sweep, (tmp_path, *grid), setup=only_the_network, rounds=1, iterations=1)
    records = list(read_records(tmp_path / "runs"))
    seconds = median_seconds(benchmark)
    work = sum(sum(record["timing"].values()) for record in records)
    benchmark.extra_info.update(work=work, share=1 - work / seconds)
    announce(
        capsys,
        f"{len(records)} cells on one network: {seconds:.1f} s, {work:.1f} s of it compressing and"
        f" evaluating: {1 - work / seconds:.0%} outside (goal 15 %)",
    )
    assert len(records) == 30


def test_rerun_of_a_finished_sweep(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    grid = (f"method={METHODS}", f"ratio={MORE_RATIOS}", "seed=0,1,2,3,4")
    start = time.perf_counter()
    first = _sweep(tmp_path, *grid)
    first_seconds = time.perf_counter() - start
    again = benchmark.pedantic(_sweep, (tmp_path, *grid), rounds=5, iterations=1)
    seconds = median_seconds(benchmark)
    benchmark.extra_info.update(first=first_seconds, share=seconds / first_seconds)
    announce(
        capsys,
        f"300 cells: {first_seconds:.0f} s, again {seconds:.2f} s:"
        f" {seconds / first_seconds:.1%} (goal 1 %)",
    )
    assert "300 cells: 300 computed" in first
    assert "300 cells: 0 computed, 300 found" in again
