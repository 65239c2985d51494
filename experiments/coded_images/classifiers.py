"""The fixed networks that look at decoded images: dense ones of the suite, and pruned ones."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import Tensor, nn

from experiments.bench import Bench, open_bench
from experiments.coded_images.settings import Classifier
from experiments.data import normalise
from experiments.determinism import deterministic
from experiments.evaluation import Evaluation, evaluate, laid_out
from experiments.networks import obstacle
from experiments.parsing import cell_settings
from experiments.settings import CellSettings, Machine, plain
from tropnnc import LIBRARY_VERSION, Tier, compress, make_method
from tropnnc.seeding import derive_seed

CONF = Path(__file__).parents[2] / "conf"


def missing(classifiers: Iterable[Classifier], machine: Machine) -> str | None:
    """Why cells with these networks are skipped: published weights that are not at hand."""
    found = (obstacle(_settings(each.overrides), machine) for each in classifiers)
    return next((reason for reason in found if reason is not None), None)


def provenance(classifiers: Iterable[Classifier], machine: Machine) -> dict[str, Any]:
    """What determines the networks: dense weights, normalisation, versions of the methods."""
    networks = {}
    for each in classifiers:
        bench = _bench(each.overrides, machine)
        seen = bench.settings.determinants()
        networks[each.network] = {"checkpoint": bench.checkpoint, "seen": plain(seen)}
    methods = {each.method for each in classifiers if each.method is not None}
    versions = {name: make_method(name).version for name in sorted(methods)}
    return {"networks": networks, "methods": versions, "library": LIBRARY_VERSION}


def evaluate_on(
    classifier: Classifier, images: Tensor, labels: Tensor, machine: Machine
) -> Evaluation:
    """The network on uint8 ``images [N, C, H, W]``, normalised as it was trained."""
    bench = _bench(classifier.overrides, machine)
    seen = laid_out(normalise(images, bench.settings))
    return evaluate(_network(classifier, machine), seen, labels, bench.device)


@lru_cache(maxsize=32)
def _network(classifier: Classifier, machine: Machine) -> nn.Module:
    cell, bench = _settings(classifier.overrides), _bench(classifier.overrides, machine)
    if classifier.method is None:
        return bench.model
    reducer = make_method(classifier.method)
    images = None
    if reducer.needs >= Tier.IMAGES:
        images = bench.calibration(cell.calibration_images, cell.base_seed)
    with deterministic(derive_seed(cell.base_seed, "torch")):
        small, _ = compress(
            bench.model,
            bench.example,
            method=reducer,
            ratio=classifier.ratio,
            calibration=images,
            pixels=bench.pixels,
            seed=derive_seed(cell.base_seed, "compress"),
        )
    return small


@lru_cache(maxsize=8)
def _bench(overrides: tuple[str, ...], machine: Machine) -> Bench:
    return open_bench(_settings(overrides), machine)


@lru_cache(maxsize=8)
def _settings(overrides: tuple[str, ...]) -> CellSettings:
    """The suite's settings of a network."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("config", list(overrides))
    return cell_settings(cast("dict[str, Any]", OmegaConf.to_container(composed, resolve=True)))
