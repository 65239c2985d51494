"""ImageNet-size networks: clustering VGG-16, pruning it and ResNet-50, reading images. Printed.

Weights are random, or torchvision's initial ones; one thread.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pytest_benchmark.fixture import BenchmarkFixture
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from experiments.data import load_dataset, normalise
from experiments.data.files import Files
from experiments.determinism import one_thread
from experiments.evaluation import laid_out
from experiments.settings import DatasetSettings
from tests.bench.loops import torchvision_loader
from tests.bench.timing import announce, race
from tests.harness.cells import ROOT
from tropnnc import compress, make_method
from tropnnc.clustering import inertia
from tropnnc.graph import discover
from tropnnc.surgery import read_unit
from tropnnc.unit import Array, IntArray
from tropnnc.vision import torchvision

RATIOS = (0.75, 0.5, 0.25, 0.1, 0.05)
STARTS = 1
LARGEST = "classifier.0"
IMAGES, BATCH, DECODERS = 256, 32, 2
IMAGENET = DatasetSettings("imagenet_subset", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def _random(name: str) -> tuple[nn.Module, Tensor]:
    """A network with torch's initial weights, and one image."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torchvision().models.get_model(name, weights=None).eval(), torch.rand(1, 3, 224, 224)


def _reduced(model: nn.Module, image: Tensor) -> tuple[Array, dict[int, IntArray]]:
    """Every unit of ``model`` merged at every ratio; features and clusters of the largest."""
    method = make_method("tropnnc", n_init=STARTS)
    features, clusters = np.zeros((0, 0)), {}
    for site in discover(model, image).sites:
        unit = read_unit(model, site)
        state = method.prepare(unit, np.random.default_rng(0))
        for ratio in RATIOS:
            reduction = method.reduce(state, round(ratio * unit.neurons))
            if unit.name == LARGEST:
                clusters[reduction.width] = reduction.clusters
        if unit.name == LARGEST:
            features = np.concatenate([unit.incoming, unit.outgoing], axis=1)
    return features, clusters


def test_tropnnc_of_vgg16_against_kmeans_of_its_largest_layer(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ours: all 15 units at five ratios, reading and merging included. Theirs: a lower bound.

    As many starts on both sides. scikit-learn's K-means of one layer is timed at the smallest ratio
    and extrapolated to the others in proportion to k, to which both seeding and a step of Lloyd's
    algorithm are proportional (as if it took as many steps); the other 14 units count for nothing.
    """
    model, image = _random("vgg16")
    with threadpool_limits(limits=1):
        features, clusters = benchmark.pedantic(_reduced, (model, image), rounds=1, iterations=1)
        smallest = min(clusters)
        started = time.perf_counter()
        reference = KMeans(smallest, random_state=0).set_params(n_init=STARTS)
        theirs = reference.fit_predict(features)
        smallest_seconds = time.perf_counter() - started
    assert benchmark.stats is not None
    seconds = float(benchmark.stats.stats.data[0])
    extrapolated = smallest_seconds * sum(clusters) / smallest
    quality = inertia(features, clusters[smallest]) / inertia(features, theirs)
    benchmark.extra_info.update(
        measured=f"KMeans of {LARGEST}, k = {smallest}: {smallest_seconds:.1f} s",
        extrapolated=f"to k = {sorted(clusters)} in proportion to k; {LARGEST} alone",
        starts=STARTS,
        reference=extrapolated,
        ratio=seconds / extrapolated,
        inertia=quality,
    )
    announce(
        capsys,
        f"VGG-16, 15 units at 5 ratios: {seconds:.0f} s; scikit-learn's KMeans of {LARGEST} alone:"
        f" {extrapolated:.0f} s, extrapolated from {smallest_seconds:.0f} s at k = {smallest}:"
        f" {extrapolated / seconds:.1f} times faster (goal 5); inertia {quality:.4f} of theirs",
    )
    assert abs(quality - 1) < 0.01
    assert extrapolated > 5 * seconds


@pytest.mark.parametrize("name", ["resnet50", "vgg16"])
def test_l1_against_torch_pruning(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    """Graph and surgery included, ours also with a report of costs.

    Both sides leave the network as it was and return another. Ours is a copy by itself;
    Torch-Pruning prunes in place, so that it is given a copy within the time that counts.
    The copy's part is printed and recorded.
    """
    torchvision()  # before Torch-Pruning, which imports it
    pruning = pytest.importorskip("torch_pruning")
    model, image = _random(name)
    producers = {site.producer for site in discover(model, image).sites}
    copying: list[float] = []

    def theirs() -> nn.Module:
        started = time.perf_counter()
        pruned = copy.deepcopy(model)
        copying.append(time.perf_counter() - started)
        layers = (nn.Conv2d, nn.Linear)
        others = [
            module
            for path, module in pruned.named_modules()
            if isinstance(module, layers) and path not in producers
        ]
        pruner = pruning.pruner.MagnitudePruner(
            pruned,
            image,
            importance=pruning.importance.MagnitudeImportance(p=1, group_reduction="first"),
            pruning_ratio=0.5,
            ignored_layers=others,
        )
        pruner.step()
        return pruned

    with one_thread():
        outcome = race(benchmark, lambda: compress(model, image, "l1", 0.5)[0], theirs, rounds=5)
    benchmark.extra_info["reference_copying"] = copying
    announce(
        capsys,
        f"L1 at .5 of {name}: {outcome.seconds:.2f} s, Torch-Pruning"
        f" {outcome.reference_seconds:.2f} s, {np.median(copying):.2f} s of it its copy:"
        f" {outcome.ratio:.2f} × (goal 0.5)",
    )
    ours, reference = outcome.ours.state_dict(), outcome.reference.state_dict()
    assert {k: v.shape for k, v in ours.items()} == {k: v.shape for k, v in reference.items()}
    assert outcome.ratio < 0.5


def _images() -> Files:
    """The first validation images of the subset, not kept in memory."""
    folder = Path(os.environ.get("TROPNNC_DATA", ROOT / "data"))
    if not (folder / "imagenet_subset").is_dir():
        pytest.skip(f"no imagenet_subset in {folder} (make data)")
    test = load_dataset("imagenet_subset", folder).test
    assert isinstance(test, Files)
    return replace(test.take(torch.arange(IMAGES)), workers=DECODERS)


def test_images_against_torchvisions_loader(
    benchmark: BenchmarkFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Decoded, resized, cropped and normalised in batches, as many processes on either side."""
    files = _images()
    monkeypatch.setattr("experiments.data.files.KEPT", 0)  # streamed, as 50,000 images are
    chunks = torch.arange(IMAGES).split(BATCH)

    def pipeline() -> Iterator[Tensor]:
        return (laid_out(normalise(batch, IMAGENET)) for batch in files.read(chunks))

    loader = torchvision_loader(files.paths, IMAGENET.mean, IMAGENET.std, BATCH, DECODERS)
    outcome = race(
        benchmark, lambda: torch.cat(list(pipeline())), lambda: torch.cat(list(loader)), rounds=3
    )
    announce(
        capsys,
        f"{IMAGES} images in {DECODERS} processes: {IMAGES / outcome.seconds:.0f} images/s,"
        f" torchvision's DataLoader {IMAGES / outcome.reference_seconds:.0f} images/s:"
        f" {outcome.ratio:.2f} × its time (goal 1.2)",
    )
    torch.testing.assert_close(outcome.ours, outcome.reference, rtol=0, atol=1e-5)
    assert outcome.ratio < 1.2
