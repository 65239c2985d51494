"""CIFAR: pinned splits, published accuracies to the last image, committed networks as recorded."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from experiments.bench import open_bench
from experiments.check.composing import cell_of
from experiments.checkpoints import COMMITTED
from experiments.data import Dataset, data_files, load_dataset
from experiments.network_files import read_facts, read_weights
from experiments.parsing import machine_settings
from experiments.published import absence
from tests.harness.cells import ROOT, composed

DATA = Path(os.environ.get("TROPNNC_DATA", ROOT / "data"))
FINGERPRINTS = {
    "cifar10": "382686f1d89758dd41fac667bb89cd83baac2085bc4e0b3d1060291fa76fa81f",
    "cifar100": "50c795c84c60cee5d2b9b57fea52e7286c4a78a2a011fccabf48b978180e743e",
}


def at_hand(name: str) -> Dataset:
    if not all(path.exists() for path in data_files(name, DATA)):
        pytest.skip(f"no {name} in {DATA} (make data)")
    return load_dataset(name, DATA)


@pytest.mark.slow
@pytest.mark.parametrize("name", FINGERPRINTS)
def test_pinned_splits(name: str) -> None:
    dataset = at_hand(name)
    assert dataset.fingerprint == FINGERPRINTS[name]
    splits = (dataset.train, dataset.validation, dataset.test)
    assert [len(split) for split in splits] == [45_000, 5_000, 10_000]
    for split in splits:
        assert len(torch.bincount(split.labels).unique()) == 1


# github.com/akamaster/pytorch_resnet_cifar10: 8.27 and 6.61 % errors.
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("arch", "correct"), [("cifar10_resnet20", 9173), ("cifar10_resnet56", 9339)]
)
def test_published_accuracies(arch: str, correct: int, tmp_path: Path) -> None:
    at_hand("cifar10")
    overrides = ("dataset=cifar10", f"arch={arch}")
    places = (f"data_dir={DATA}", f"results_dir={tmp_path}", "device=cpu")
    cell, machine = cell_of(overrides), machine_settings(composed(*overrides, *places))
    reason = absence(cell.arch, machine.runs_dir)
    if reason is not None:
        pytest.skip(reason)
    assert open_bench(cell, machine).dense.correct == correct


@pytest.mark.parametrize("facts", sorted(COMMITTED.glob("*.json")), ids=lambda path: path.stem)
def test_committed_networks_are_whole_and_small(facts: Path) -> None:
    weights = facts.with_suffix(".safetensors")
    assert weights.stat().st_size < 10 * 10**6
    assert read_weights((weights, facts)) is not None  # of the recorded sha256
    recorded = read_facts(facts)
    before, after = recorded.get("validation_unrounded"), recorded["validation"]
    if before is not None:  # in units of images: float16 leaves the accuracy
        assert abs(before["correct"] - after["correct"]) <= 0.001 * after["total"]
