"""Image-free compression: fits of every tap in forward passes and in memory, the closed form.

Printed beside the goals, on random weights; one thread.
"""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from torch import Tensor, nn

from experiments.determinism import one_thread
from experiments.evaluation import batches
from experiments.memory import peak_rss, reset_peak
from experiments.networks_cifar import CifarVGG, ResNet
from tests.bench.timing import announce, race
from tropnnc import compress, make_method
from tropnnc.clustering import kmeans
from tropnnc.composition import gaussian_ls, synthetic_ls
from tropnnc.composition.gaussian import Gaussian
from tropnnc.graph import discover
from tropnnc.merging import tropnnc
from tropnnc.stepwise import Walk
from tropnnc.surgery import read_unit
from tropnnc.unit import Array, IntArray

IMAGES = 250
RATIOS = (0.9, 0.75, 0.5, 0.25, 0.1)
WIDE = 512
CALIBRATION = 1024
NORMAL_MATRICES = 3  # of one fit, alive at a time
M_MMAP_THRESHOLD = -3  # malloc.h


def _images(count: int) -> Tensor:
    return torch.randn(count, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def _settled(model: nn.Module) -> nn.Module:
    """With statistics of batch norms that go with the weights."""
    model.train()
    with torch.no_grad():
        for images in _images(640).split(32):
            model(images)
    return model.eval()


def _vgg() -> nn.Module:
    """Shaped as VGG-16 on CIFAR in full width."""
    return _settled(CifarVGG(classes=10, width=1.0, dropout=0.0))


def _forward(model: nn.Module, images: Tensor) -> list[bool]:
    with torch.inference_mode():
        return [bool(model(batch).isfinite().all()) for batch in batches(images)]


def test_synthetic_ls_against_forward_passes(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the making of images: side by side at five ratios."""
    images = _images(IMAGES)
    model = _settled(ResNet(56, 10))

    def fitted() -> list[bool]:
        smaller = (
            compress(model, images[:1], synthetic_ls(), ratio, synthetic=images)[0]
            for ratio in RATIOS
        )
        return [ok for small in smaller for ok in _forward(small, images[:2])]

    with one_thread():
        outcome = race(benchmark, fitted, lambda: _forward(model, images), rounds=2)
    announce(
        capsys,
        f"synthetic_ls on ResNet-56, {len(images)} images, {len(RATIOS)} ratios:"
        f" {outcome.seconds:.0f} s, {outcome.ratio:.0f} × one forward pass (goal 40)",
    )
    assert all(outcome.ours)
    assert all(outcome.reference)


def test_gaussian_ls_against_k_means_and_thinet(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """All units at five ratios: the whole of ours; TropNNC's K-means alone; the whole of ThiNet."""
    model, images = _vgg(), _images(CALIBRATION)
    sites = discover(model, images[:1]).sites

    def ours() -> list[bool]:
        smaller = (compress(model, images[:1], gaussian_ls(), ratio)[0] for ratio in RATIOS)
        return [ok for small in smaller for ok in _forward(small, images[:2])]

    def clusters() -> list[IntArray]:
        found = []
        for site in sites:
            state = tropnnc().prepare(read_unit(model, site), np.random.default_rng(0))
            widths = [round(ratio * site.neurons) for ratio in RATIOS]
            found += [kmeans(state.points, k, state.seed, tropnnc().n_init) for k in widths]
        return found

    with one_thread():
        outcome = race(benchmark, ours, clusters, rounds=1)
        started = time.perf_counter()
        for ratio in RATIOS:
            compress(model, images[:1], make_method("thinet"), ratio, calibration=images)
        thinet = time.perf_counter() - started
    benchmark.extra_info.update(thinet=thinet)
    announce(
        capsys,
        f"gaussian_ls on a VGG-16 for CIFAR, {len(sites)} units at {len(RATIOS)} ratios:"
        f" {outcome.seconds:.1f} s, {outcome.ratio:.2f} × the K-means of TropNNC (goal 3);"
        f" ThiNet on {CALIBRATION:,} images: {thinet:.1f} s",
    )
    assert all(outcome.ours)
    assert outcome.seconds < thinet


def test_gaussian_moments_against_k_means(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of one unit, ``n × n``, against its clusters at half the width."""
    model = _vgg()
    sites = discover(model, _images(1)).sites
    unit = read_unit(model, next(site for site in sites if site.neurons == WIDE))
    state = tropnnc().prepare(unit, np.random.default_rng(0))

    def moments() -> Array:
        return Gaussian().moments(unit).gram

    def clusters() -> IntArray:
        return kmeans(state.points, WIDE // 2, state.seed, tropnnc().n_init)

    with one_thread():
        outcome = race(benchmark, moments, clusters, rounds=3)
    announce(
        capsys,
        f"moments of {WIDE} neurons: {1000 * outcome.seconds:.0f} ms,"
        f" {outcome.ratio:.2f} × a K-means of them (goal 0.5)",
    )
    assert outcome.ours.shape == (WIDE, WIDE)


def _stored(model: nn.Module, images: Tensor) -> int:
    """Bytes of the activations that a walk keeps, at the unit boundary where they are most."""
    walk, most = Walk(model, model, images), 0
    for site in discover(model, images[:1]).sites:
        walk.advance(site.producer)
        tensors = [
            value for both in walk._values for own in both.values() for value in own.values()
        ]
        most = max(most, sum(tensor.nbytes for tensor in tensors if isinstance(tensor, Tensor)))
    return most


def _peaks(ratio: float) -> tuple[int, int]:
    """Bytes beyond those resident before: of a forward pass, and of a compression."""
    with suppress(OSError, AttributeError):  # freed memory goes back at once (glibc)
        ctypes.CDLL("libc.so.6").mallopt(M_MMAP_THRESHOLD, 1 << 16)
    model, images = _settled(ResNet(56, 10)), _images(IMAGES)

    def fit(images: Tensor) -> nn.Module:
        return compress(model, images[:1], synthetic_ls(), ratio, synthetic=images)[0]

    def peak(work: Callable[[], object]) -> int:
        gc.collect()
        reset_peak()
        resident = peak_rss()
        work()
        most = peak_rss()
        assert resident is not None
        assert most is not None
        return most - resident

    with one_thread():
        fit(images[:8])  # libraries
        return peak(lambda: _forward(model, images)), peak(lambda: fit(images))


@pytest.mark.parametrize("ratio", [0.9, 0.5])
def test_memory_of_synthetic_ls(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], ratio: float
) -> None:
    """At most three forward passes, what is stored at unit boundaries, and normal matrices."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        forward, fit = benchmark.pedantic(lambda: process.submit(_peaks, ratio).result(), rounds=1)
    model, images = _settled(ResNet(56, 10)), _images(IMAGES)
    units = [read_unit(model, site) for site in discover(model, images[:1]).sites]
    taps = max(max(u.incoming.shape[1], *(c.outgoing[0].size for c in u.consumers)) for u in units)
    stored, normal = _stored(model, images), NORMAL_MATRICES * 8 * taps**2
    bound = 3 * forward + stored + normal
    announce(
        capsys,
        f"synthetic_ls on ResNet-56, {len(images)} images, keep {ratio}:"
        f" {fit / 1e6:.0f} MB at most, bound {bound / 1e6:.0f} MB (three forward passes of"
        f" {forward / 1e6:.0f}, stored {stored / 1e6:.0f}, normal matrices {normal / 1e6:.0f})",
    )
    assert fit <= bound
