"""CIFAR: what the harness adds, what compression saves, what augmentation costs. Printed."""

from __future__ import annotations

import time

import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture

from experiments import augmentation
from experiments.bench import Bench
from experiments.data import Dataset, normalise
from experiments.determinism import one_thread
from experiments.evaluation import laid_out
from experiments.networks_cifar import CifarVGG, ResNet
from experiments.settings import DatasetSettings
from experiments.timing import median_seconds
from experiments.training import epochs
from experiments.training_settings import TrainSettings
from tests.bench.loops import bare_loop
from tests.bench.timing import announce, race
from tests.splits import random_split
from tropnnc import compress

SETTINGS = DatasetSettings("random", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))
RECIPE = TrainSettings(
    optimizer="sgd",
    learning_rate=0.1,
    schedule="one_cycle_linear",
    epochs=2,
    batch=128,
    label_smoothing=0.1,
    weight_decay=5e-4,
    shift=4,
    flip=True,
    warmup=0.25,
    decay_weights_only=True,
    channels_last=True,
)


def test_resnet56_against_a_bare_channels_last_loop(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    split = random_split(2000)
    model = ResNet(56, 10).eval()
    bench = Bench(SETTINGS, Dataset("random", split, split, split), model, torch.device("cpu"))
    small, _ = compress(model, bench.test_images[:1], "random", 0.99)
    images = laid_out(normalise(split.images, SETTINGS))
    outcome = race(
        benchmark,
        lambda: bench.evaluate(small).correct,
        lambda: bare_loop(small, images, split.labels),
        rounds=5,
    )
    announce(
        capsys,
        f"ResNet-56 on 2,000 images: {outcome.seconds:.2f} s in the harness,"
        f" {outcome.reference_seconds:.2f} s in a bare loop: {outcome.ratio:.2f} × (goal 1.15)",
    )
    assert outcome.ours == outcome.reference


@pytest.mark.parametrize("width", [0.3125, 1.0])
def test_latency_follows_multiply_adds(
    width: float, benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kernels compute 16 channels at a time: at 5/16 of its width the VGG has 20, halved 10."""
    model = CifarVGG(width, 10).eval()
    image = torch.rand(128, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    images = laid_out(image)
    small, report = compress(model, images[:1], "l1", 0.5)
    dense, half = benchmark.pedantic(median_seconds, ([model, small], images), rounds=1)
    latency, macs = half / dense, report.after.macs / report.before.macs
    benchmark.extra_info.update(latency=latency, macs=macs)
    announce(
        capsys,
        f"VGG of width {width:g} at .5, batch 128: latency {latency:.3f}, multiply-adds {macs:.3f}:"
        f" {latency / macs:.2f} × (goal 1.35)",
    )
    assert small(images[:2]).shape == (2, 10)


def test_augmentation_and_batching_against_a_training_step(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    split = random_split(10 * RECIPE.batch)

    def batching() -> int:
        order = torch.Generator().manual_seed(0)
        return sum(len(batch) for batch in augmentation.batches(split, RECIPE, order))

    def training() -> int:
        order = torch.Generator().manual_seed(0)
        started, trained = time.perf_counter(), CifarVGG(0.3125, 10)
        for epoch in epochs(trained, RECIPE, split, SETTINGS, order, "bench"):
            if epoch == 1:  # the first one warms up
                started = time.perf_counter()
        seconds.append(time.perf_counter() - started)
        return len(split)

    seconds: list[float] = []
    with one_thread():
        outcome = race(benchmark, batching, training, rounds=3)
    step = sorted(seconds)[1]
    announce(
        capsys,
        f"augmentation and batching: {len(split) / outcome.seconds:,.0f} images/s, training"
        f" {len(split) / step:,.0f} images/s: {step / outcome.seconds:.0f} × (goal 10)",
    )
    assert outcome.ours == outcome.reference
