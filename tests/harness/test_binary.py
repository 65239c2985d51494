"""Two classes and one logit: data, loss, accuracy, and a cell from end to end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from experiments.architectures import build
from experiments.cell import run_cell
from experiments.data import Dataset, data_files, load_dataset
from experiments.data import pair as pair_module
from experiments.evaluation import unpack_bits
from experiments.logits import classification_loss, hits
from experiments.parsing import cell_settings
from experiments.settings import ArchSettings, Component, DatasetSettings, Machine
from experiments.training import train_network
from experiments.training_settings import EarlyStopping
from tests.harness.cells import CELL, RECIPE, composed, machine
from tropnnc import TropnncError

CPU = torch.device("cpu")
PAIRS = {"mnist_3v5": (3, 5), "mnist_4v9": (4, 9)}
BINARY = replace(
    CELL,
    dataset=DatasetSettings("mnist_3v5", (0.1307,), (0.3081,)),
    arch=ArchSettings(
        "smyrnis_binary",
        "experiments.architectures.SmyrnisConv",
        (("channels", 4), ("classes", 1), ("hidden", 60)),
    ),
    train=replace(RECIPE, epochs=2, batch=50),
    scope="linear",
)


@pytest.fixture
def digits(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dataset]:
    """The embedded digits in the place of MNIST."""
    embedded = load_dataset("mnist5k", Path("nowhere"))
    monkeypatch.setattr(pair_module, "idx_dataset", lambda *_: embedded)
    load_dataset.cache_clear()
    yield embedded
    load_dataset.cache_clear()


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_holds_the_two_digits_of_every_split(
    name: str, digits: Dataset, tmp_path: Path
) -> None:
    pair = load_dataset(name, tmp_path)
    for mine, whole in zip(
        (pair.train, pair.validation, pair.test),
        (digits.train, digits.validation, digits.test),
        strict=True,
    ):
        for label, digit in enumerate(PAIRS[name]):
            expected = whole.images[whole.labels == digit]
            assert torch.equal(mine.images[mine.labels == label], expected)
        assert set(mine.labels.tolist()) == {0, 1}
    assert data_files(name, tmp_path) == data_files("mnist", tmp_path)
    assert pair.fingerprint != digits.fingerprint


def test_one_logit_is_the_difference_of_two() -> None:
    logit = torch.tensor([[-2.0], [0.5], [3.0], [-0.1]])
    two = torch.cat([torch.zeros_like(logit), logit], dim=1)
    labels = torch.tensor([0, 0, 1, 1])
    for reduction in ("mean", "sum"):
        torch.testing.assert_close(
            classification_loss(logit, labels, reduction=reduction),
            F.cross_entropy(two, labels, reduction=reduction),
        )
    assert hits(logit, labels).tolist() == hits(two, labels).tolist() == [True, False, True, False]


def test_a_logit_of_zero_names_class_0() -> None:
    assert hits(torch.zeros(2, 1), torch.tensor([0, 1])).tolist() == [True, False]


def test_ten_classes_are_as_they_were() -> None:
    logits = torch.randn(50, 10, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(50) % 10
    smoothed = classification_loss(logits, labels, label_smoothing=0.1)
    assert torch.equal(smoothed, F.cross_entropy(logits, labels, label_smoothing=0.1))
    assert torch.equal(hits(logits, labels), logits.argmax(dim=1) == labels)


def test_what_one_logit_cannot_do_is_refused(digits: Dataset) -> None:
    with pytest.raises(TropnncError, match="one logit tells two classes apart; a label here is 9"):
        hits(torch.zeros(2, 1), torch.tensor([0, 9]))
    with pytest.raises(
        TropnncError, match=r"one logit tells two classes apart; a label here is \d"
    ):
        train_network(BINARY.arch, BINARY.train, digits, BINARY.dataset, 0, CPU)
    with pytest.raises(TropnncError, match=r"label_smoothing = 0.1 is not accepted with one logit"):
        classification_loss(torch.zeros(1, 1), torch.tensor([1]), label_smoothing=0.1)


def test_an_architecture_without_the_option_has_ten_classes_and_the_same_weights() -> None:
    options = (("channels", 4), ("hidden", 20))
    settings = ArchSettings("smyrnis_conv", BINARY.arch.target, options)
    states = []
    for extra in ((), (("classes", 10),)):
        torch.manual_seed(0)
        states.append(build(replace(settings, options=options + extra)).state_dict())
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert states[0]["fc2.weight"].shape == (10, 20)


@pytest.fixture
def here(tmp_path: Path, digits: Dataset) -> Machine:
    return machine(tmp_path)


def test_a_cell_trains_compresses_and_counts(here: Machine) -> None:
    outcome = run_cell(replace(BINARY, method=Component("tropnnc_single"), ratio=0.2), here)
    record = outcome.record
    assert record is not None
    assert outcome.status == "done"
    assert record["units"] == [{"name": "fc1", "kind": "linear", "neurons": 60, "kept": 12}]
    assert record["dense"]["total"] == 200
    assert record["dense"]["correct"] > 150
    assert unpack_bits(record["compressed"]).sum() == record["compressed"]["correct"]
    assert 0 < record["output_error"] < 1


def test_early_stopping_sees_the_binary_loss(digits: Dataset, tmp_path: Path) -> None:
    # Cross-entropy over one class is 0 whatever the logit: the first epoch would be the best.
    recipe = replace(
        BINARY.train,
        learning_rate=0.001,
        schedule="constant",
        epochs=3,
        early_stopping=EarlyStopping(share=0.2, patience=5),
    )
    pair = load_dataset("mnist_3v5", tmp_path)
    stopped = train_network(BINARY.arch, recipe, pair, BINARY.dataset, 0, CPU)
    first = train_network(BINARY.arch, replace(recipe, epochs=1), pair, BINARY.dataset, 0, CPU)
    assert not torch.equal(stopped.state_dict()["fc2.weight"], first.state_dict()["fc2.weight"])


def test_a_method_that_cannot_do_a_unit_is_skipped_with_the_reason(here: Machine) -> None:
    cell = replace(BINARY, method=Component("tropnnc_single"), scope="all")
    outcome = run_cell(cell, here)
    assert outcome.status == "skipped"
    assert outcome.message.startswith("conv1: ")
    assert outcome.record is not None
    assert outcome.record["reason"] == outcome.message
    again = run_cell(cell, here)
    assert (again.status, again.computed, again.message) == ("skipped", False, outcome.message)


@pytest.mark.parametrize("dataset", PAIRS)
def test_the_recipe_composes(dataset: str) -> None:
    cell = cell_settings(composed(f"dataset={dataset}", "arch=smyrnis_binary"))
    assert dict(cell.arch.options) == {"channels": 16, "classes": 1, "hidden": 1000}
    assert cell.train.label_smoothing == 0
