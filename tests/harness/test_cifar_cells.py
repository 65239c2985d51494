"""Cells on colour images: method seeds, fewer test images, networks that are not there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch

from experiments import bench as bench_module
from experiments import finetuning
from experiments.bench import Bench, check_inputs, open_bench
from experiments.cell import run_cell
from experiments.data import Dataset, load
from experiments.evaluation import unpack_bits
from experiments.networks import obstacle
from experiments.parsing import cell_settings, machine_settings
from experiments.plan import make_plan
from experiments.record import Record
from experiments.report.rows import summary_row
from experiments.report.tables import blocks, notes
from experiments.report.variants import variants
from experiments.settings import ArchSettings, CellSettings, Component, DatasetSettings, Machine
from experiments.training_settings import Finetuning
from tests.harness.cells import CELL, RECIPE, composed, machine
from tests.splits import random_split
from tropnnc import Tier, TropnncError, make_method, method_names

RESNET = ArchSettings(
    "resnet8", "experiments.networks_cifar.ResNet", (("classes", 10), ("depth", 8))
)
TINY = replace(
    CELL,
    dataset=DatasetSettings("cifar10", (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
    arch=RESNET,
    train=replace(RECIPE, batch=50),
    scope="conv",
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Random images under the name of CIFAR-10."""
    dataset = Dataset("cifar10", random_split(100, 0), random_split(30, 1), random_split(90, 2))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(load.DATASETS, "cifar10", lambda _: dataset)
        load.load_dataset.cache_clear()
        yield machine(tmp_path_factory.mktemp("cifar"))
    load.load_dataset.cache_clear()


def cell(method: str = "tropnnc", **changes: Any) -> CellSettings:
    return replace(TINY, method=Component(method), **changes)


def record_of(one: CellSettings, here: Machine) -> Record:
    outcome = run_cell(one, here)
    assert outcome.record is not None, outcome.message
    assert outcome.status == "done", outcome.message
    return outcome.record


# Method seeds


def test_method_seeds_draw_anew_on_the_same_dense_network(here: Machine) -> None:
    records = [record_of(cell("random", method_seed=seed), here) for seed in (0, 1, 2)]
    assert len({record["checkpoint"] for record in records}) == 1
    assert len({record["dense"]["bits"] for record in records}) == 1
    assert len({record["output_error"] for record in records}) == 3
    bench = open_bench(cell(), here)
    first, second = (
        bench.calibration(8, cell("thinet", method_seed=seed).base_seed) for seed in (0, 1)
    )
    assert not torch.equal(first, second)


def test_method_seeds_on_one_network_are_one_replication(here: Machine) -> None:
    rows = [summary_row(record_of(cell("random", method_seed=s), here)) for s in (0, 1, 2)]
    [block] = blocks(rows)
    line = next(line for line in block.lines if line.method == "random")
    mean = sum(100 * row.correct / row.total for row in rows) / 3
    assert "over n = 1 dense networks" in block.title
    assert line.cells == (f"{mean:.1f}†",)


def test_another_method_seed_or_fewer_test_images_are_other_cells() -> None:
    default = cell_settings(composed())
    for override in ("method_seed=1", "test.images=100", "test.split=validation"):
        assert cell_settings(composed(override)).determinants() != default.determinants()
    assert not {"method_seed", "test"} & default.determinants().keys()
    assert default.base_seed == default.seed


# Test images


def test_fewer_test_images_are_evenly_spaced(here: Machine) -> None:
    record = record_of(cell("l1", test_images=30), here)
    assert record["dense"]["total"] == record["compressed"]["total"] == 30
    bench = open_bench(cell(test_images=30), here)
    assert torch.equal(bench.test.images, bench.dataset.test.images[::3])
    whole = open_bench(cell(), here)
    assert (bench.dense.hits == whole.dense.hits[::3]).all()
    assert bench.dataset.fingerprint == whole.dataset.fingerprint  # of all images
    assert "test=30" in summary_row(record).settings


def test_validation_images_instead_of_test_images(here: Machine) -> None:
    whole, some = (cell("l1", test_split="validation", test_images=n) for n in (0, 10))
    bench = open_bench(some, here)
    assert torch.equal(bench.test.images, bench.dataset.validation.images[::3])
    records = [record_of(one, here) for one in (whole, some)]
    dense, small = (record["dense"] for record in records)
    assert (dense["total"], small["total"]) == (30, 10)
    assert dense["correct"] == bench.validate(bench.model).correct
    assert (unpack_bits(dense)[::3] == unpack_bits(small)).all()
    assert "test=10 split=validation" in summary_row(records[1]).settings
    assert records[0]["config"]["test"] == {"split": "validation"}


def test_more_test_images_than_there_are(here: Machine) -> None:
    with pytest.raises(TropnncError, match=r"test.images = 91 .* cifar10 has 90 test images"):
        check_inputs(cell(test_images=91), here)
    with pytest.raises(TropnncError, match=r"= 31 .* cifar10 has 30 validation images"):
        check_inputs(cell(test_images=31, test_split="validation"), here)


def test_a_rate_chosen_on_the_validation_images_is_not_tried_on_them() -> None:
    chosen = ("finetune.epochs=1", "finetune.learning_rate=[0.1,0.01]")
    with pytest.raises(TropnncError, match=r"test.split = validation is not accepted"):
        cell_settings(composed("test.split=validation", *chosen))
    with pytest.raises(TropnncError, match=r"unknown test.split 'train'"):
        cell_settings(composed("test.split=train"))


def test_colour_images_have_their_channels_last_grey_ones_are_as_they_were(
    here: Machine, tmp_path: Path
) -> None:
    bench, grey = open_bench(cell(), here), open_bench(CELL, machine(tmp_path))
    for images in (bench.test_images, bench.calibration(8, 0)):
        assert images.is_contiguous(memory_format=torch.channels_last)
        assert not images.is_contiguous()
    assert grey.test_images.is_contiguous()


# What methods see


def test_calibration_images_are_training_images(here: Machine) -> None:
    bench = open_bench(cell(), here)
    pixels = torch.round((bench.calibration(40, 0) * 0.25 + 0.5) * 255).to(torch.uint8)
    pool = {image.contiguous().numpy().tobytes() for image in bench.dataset.train.images}
    assert all(image.contiguous().numpy().tobytes() in pool for image in pixels)
    assert len({image.contiguous().numpy().tobytes() for image in pixels}) == 40


WEIGHTS = [
    name
    for name in method_names()
    if make_method(name).needs is Tier.WEIGHTS
    and name not in ("misiakos_zonotope", "tropnnc_single")  # networks with one output
]


@pytest.mark.parametrize("method", WEIGHTS)
def test_a_method_of_tier_weights_meets_a_loader_that_raises(
    method: str, here: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loader(*_: object) -> NoReturn:
        raise AssertionError("training images were read")

    # Trained and evaluated before the loader breaks.
    assert len(open_bench(cell(), here).dense.hits) == 90
    monkeypatch.setattr(Bench, "calibration", loader)
    monkeypatch.setattr(bench_module.Dataset, "train", property(loader), raising=False)
    fresh = replace(cell(method), ratio=0.3)
    assert run_cell(fresh, here).status == "done"
    assert run_cell(replace(cell("thinet"), ratio=0.3), here).status == "failed"


# Networks that are not there


def test_networks_that_are_not_trained_are_named_and_skipped(here: Machine, tmp_path: Path) -> None:
    never = replace(here, results_dir=tmp_path, train_missing=False)
    outcome = run_cell(cell(), never)
    assert (outcome.status, outcome.record) == ("skipped", None)
    assert outcome.message == (
        "cifar10 resnet8 seed=0: not trained here; make train-cifar, or train_missing=true"
    )
    plan = make_plan([cell()], never)
    assert (plan.skipped, plan.missing, plan.networks) == (1, 0, 0)
    assert make_plan([cell()], replace(never, train_missing=True)).networks == 1
    open_bench(cell(), here)
    assert obstacle(cell(), replace(here, train_missing=False)) is None


def test_whether_missing_networks_are_trained_is_no_part_of_a_cell() -> None:
    off = composed("train_missing=false")
    assert cell_settings(off) == cell_settings(composed())
    assert not machine_settings(off).train_missing


# Re-calibration in some cells


def test_recalibration_has_a_column_where_all_cells_of_a_ratio_have_it(here: Machine) -> None:
    plain = [cell(m, ratio=0.75) for m in ("l1", "tropnnc")]
    both = [replace(c, ratio=0.5, recalibration_images=40) for c in plain]
    rows = [summary_row(record_of(one, here)) for one in (*plain, *both)]
    assert set(variants(rows).values()) == {"l1", "tropnnc"}
    [block] = blocks(rows)
    assert block.headings == ("0.75", "0.5", "0.5 re-calibrated", "0.5 gain")
    recalibrated = rows[-1].recalibrated_dense_correct
    assert recalibrated is not None
    # The cells without it do not count as 0.
    assert block.lines[0].cells[2] == f"{100 * recalibrated / rows[-1].total:.1f}†"
    assert any("inner convolution of every block" in note for note in notes([block]))
    other = replace(rows[-1], settings=rows[-1].settings.replace("recalibrate=40", "recalibrate=8"))
    many = [*rows, replace(other, identity="other")]
    assert "tropnnc (recalibrate=8)" in variants(many).values()


# Learning rates chosen on validation images


TUNING = Finetuning(replace(RECIPE, batch=50, schedule="constant"), (1,), False, (0.01, 0.001))


def test_the_learning_rate_is_the_best_on_the_validation_images(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = cell("l1", finetuning=TUNING)
    record = record_of(one, here)
    choice = record["learning_rates"]
    by_rate = {entry["learning_rate"]: entry["correct"] for entry in choice["validation"]}
    assert list(by_rate) == [0.01, 0.001]
    assert choice["total"] == 30
    assert by_rate[choice["chosen"]] == max(by_rate.values())
    recipe = replace(TUNING.recipe, learning_rate=choice["chosen"])
    alone = record_of(cell("l1", finetuning=Finetuning(recipe, (1,), False)), here)
    assert alone["finetuned"] == record["finetuned"]
    assert "learning_rates" not in alone


def test_the_validation_images_decide_whatever_the_test_images_say(
    here: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Judged:
        def __init__(self, correct: int) -> None:
            self.correct = correct

    bench = open_bench(cell(), here)
    for preferred in TUNING.rates:
        verdicts = iter(Judged(int(rate == preferred)) for rate in TUNING.rates)
        monkeypatch.setattr(Bench, "validate", lambda *_, v=verdicts: next(v))
        found = finetuning.finetuned(bench.model, TUNING, bench, 0, tmp_path / str(preferred), here)
        assert found["learning_rates"]["chosen"] == preferred


def test_learning_rates_are_one_or_several_different_ones() -> None:
    base = ("finetune.epochs=1",)
    several = cell_settings(composed(*base, "finetune.learning_rate=[0.1,0.01]")).finetuning
    one = cell_settings(composed(*base, "finetune.learning_rate=0.1")).finetuning
    assert several is not None
    assert one is not None
    assert (several.rates, one.rates) == ((0.1, 0.01), ())
    assert several.determinants()["learning_rate"] == [0.1, 0.01]
    assert one.determinants()["learning_rate"] == 0.1
    for bad in ("[0.1,0.1]", "[]", "[0.1,-1]"):
        with pytest.raises(TropnncError, match=r"finetune\.learning_rate"):
            cell_settings(composed(*base, f"finetune.learning_rate={bad}"))
