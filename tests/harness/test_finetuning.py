"""After compression: batch norm estimated anew, fine-tuning, the small network from scratch."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from experiments import recalibration as recalibration_module
from experiments import resuming
from experiments.bench import Bench, open_bench
from experiments.block import result_block
from experiments.cell import run_cell
from experiments.finetuning import Curve, finetune, reinitialised
from experiments.parsing import cell_settings
from experiments.recalibration import recalibrated
from experiments.report.rows import summary_row
from experiments.resuming import Snapshot
from experiments.settings import ArchSettings, CellSettings, Machine
from experiments.training_settings import Finetuning
from tests.harness.cells import RECIPE, a_cell, composed, machine
from tropnnc import TropnncError

TUNING = Finetuning(replace(RECIPE, epochs=3, schedule="constant"), (1, 3), from_scratch=False)


class Normed(nn.Sequential):
    """A convolution with batch norm, then a classifier."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 8, 5, stride=3),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(8 * 64, 10),
        )


NORMED = ArchSettings("normed", f"{__name__}.Normed")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return machine(tmp_path_factory.mktemp("finetuning"))


def record_of(cell: CellSettings, here: Machine) -> dict[str, Any]:
    record = run_cell(cell, here).record
    assert record is not None
    assert record["status"] == "done"
    return record


def tuned(method: str, here: Machine, settings: Finetuning = TUNING) -> dict[str, Any]:
    return record_of(a_cell(method, ratio=0.25, finetuning=settings), here)


def test_a_record_has_before_and_after_and_the_curve_between(here: Machine) -> None:
    record, plain = tuned("l1", here), record_of(a_cell("l1", ratio=0.25), here)
    assert record["compressed"] == plain["compressed"]
    assert [point["epoch"] for point in record["finetuned"]] == [1, 3]
    assert record["finetuned"][-1]["correct"] > record["compressed"]["correct"]
    row = summary_row(record)
    correct = [point["correct"] for point in record["finetuned"]]
    assert row.epochs == {0: row.correct, 1: correct[0], 3: correct[1]}
    assert row.finetuned_correct == correct[1]
    assert f"{correct[1] / 10:.2f} % after fine-tuning" in result_block(
        run_cell(a_cell("l1", ratio=0.25, finetuning=TUNING), here)
    )


def test_reporting_an_epoch_does_not_change_the_next(here: Machine) -> None:
    only_last = replace(TUNING, report=(3,))
    assert tuned("l1", here, only_last)["finetuned"] == tuned("l1", here)["finetuned"][-1:]


def test_every_method_sees_the_same_batches_in_the_same_order(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = open_bench(a_cell(), here)
    seen: list[list[torch.Tensor]] = []
    for width in (3, 7):
        small = nn.Sequential(nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 10))
        seen.append([])
        small.register_forward_pre_hook(lambda _, inputs: seen[-1].append(inputs[0]))
        curve = Curve()
        finetune(small, TUNING, bench, 0, curve)
        assert [point["epoch"] for point in curve.points] == [1, 3]
    first, second = seen
    assert len(first) == len(second) == 3 * 14
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first[0], first[14])


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def kill_at_save(monkeypatch: pytest.MonkeyPatch, kill: int) -> list[int]:
    """Let fine-tunings save after every epoch and die after the ``kill``-th; the list counts."""
    saves: list[int] = []
    save = Snapshot.save

    def killing(snapshot: Snapshot, *state: Any) -> None:
        save(snapshot, *state)
        saves.append(1)
        if len(saves) == kill:
            raise Killed

    monkeypatch.setattr(resuming, "SECONDS", 0.0)
    monkeypatch.setattr(Snapshot, "save", killing)
    return saves


@pytest.mark.parametrize("kill", range(1, 7))
def test_killed_after_any_epoch_it_goes_on_to_the_same_record(
    here: Machine, kill: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Two learning rates of three epochs each."""
    cell = a_cell("l1", finetuning=replace(TUNING, rates=(0.01, 0.001)))
    straight = record_of(cell, replace(here, results_dir=tmp_path / "straight"))
    interrupted = replace(here, results_dir=tmp_path / "killed")
    open_bench(cell, interrupted)  # the dense training is another one
    saves = kill_at_save(monkeypatch, kill)
    with pytest.raises(Killed):
        run_cell(cell, interrupted)
    record = record_of(cell, interrupted)
    assert len(saves) == 6
    assert record["finetuned"] == straight["finetuned"]
    assert record["learning_rates"] == straight["learning_rates"]
    assert not list((interrupted.runs_dir / "finetunings").glob("*"))


def test_from_scratch_has_the_widths_of_the_compressed_and_random_weights(here: Machine) -> None:
    scratch = replace(TUNING, from_scratch=True)
    record = record_of(a_cell("random", ratio=0.25, finetuning=scratch), here)
    compressed = tuned("random", here)
    assert record["units"] == compressed["units"]
    assert record["compressed"]["parameters"] == compressed["compressed"]["parameters"]
    assert record["compressed"]["correct"] < 200 < record["finetuned"][-1]["correct"]
    assert summary_row(record).method == "scratch"


def test_from_scratch_is_the_same_cell_whatever_the_method() -> None:
    scratch = ("finetune.epochs=1", "finetune.from_scratch=true")
    assert cell_settings(composed("method=thinet", *scratch)) == cell_settings(
        composed("method=l1", *scratch)
    )
    assert cell_settings(composed("method=thinet", "finetune.epochs=1")) != cell_settings(
        composed("method=l1", "finetune.epochs=1")
    )


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("finetune.epochs=2", "finetune.report=[3]"), "finetune.report = 3 is after"),
        (("finetune.from_scratch=true",), "finetune.epochs = 0 is not accepted"),
        (("finetune.epochs=1", "finetune.optimizer=lion"), "finetune.optimizer 'lion'"),
        (("recalibrate.images=-1",), "recalibrate.images = -1 is not accepted"),
        (("train.early_stopping=3",), "train.early_stopping = 3 is not accepted"),
    ],
)
def test_bad_settings(overrides: tuple[str, ...], message: str) -> None:
    with pytest.raises(TropnncError, match=message):
        cell_settings(composed(*overrides))


def weight(model: nn.Module) -> torch.Tensor:
    return model.get_parameter("0.weight")


def test_reinitialised_weights_depend_on_the_seed_alone() -> None:
    model = Normed()
    first, again, other = (weight(reinitialised(model, seed)) for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(first, weight(model))


def test_what_cannot_be_initialised_anew_is_an_error() -> None:
    model = nn.Sequential(nn.Linear(2, 2))
    model.register_parameter("scale", nn.Parameter(torch.ones(1)))
    with pytest.raises(TypeError, match="Sequential cannot be initialised anew"):
        reinitialised(model, 0)


def at_once(monkeypatch: pytest.MonkeyPatch, images: int) -> None:
    monkeypatch.setattr(recalibration_module, "AT_ONCE", images * 784)


@pytest.mark.parametrize("limit", [37, 36, 12, 5])
def test_recalibrated_statistics_are_those_of_all_images_together(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once(monkeypatch, limit)
    model, images = Normed().eval(), torch.rand(37, 1, 28, 28)
    images[20:] += 3  # the variance between batches is most of it
    norm = recalibrated(model, images).get_submodule("1")
    maps = model[0](images).detach().double().movedim(1, 0).flatten(1)
    np.testing.assert_allclose(norm.get_buffer("running_mean"), maps.mean(dim=1), rtol=1e-5)
    np.testing.assert_allclose(norm.get_buffer("running_var"), maps.var(dim=1), rtol=1e-5)
    assert torch.equal(model[1].get_buffer("running_mean"), torch.zeros(8))
    assert not norm.training


def test_one_pass_leaves_what_torch_computes_bit_for_bit() -> None:
    model, images = Normed(), torch.rand(37, 1, 28, 28)
    with torch.no_grad():
        expected = copy.deepcopy(model)
        norm = expected[1]
        assert isinstance(norm, nn.BatchNorm2d)
        norm.momentum = 1.0
        expected(images)
    state = recalibrated(model, images).state_dict()
    assert all(torch.equal(state[key], value) for key, value in expected.state_dict().items())


def test_batches_bound_what_passes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch, 10)
    model, seen = Normed(), list[int]()
    model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    recalibrated(model, torch.rand(37, 1, 28, 28))
    assert seen == [10, 9, 9, 9]


def test_what_is_fine_tuned_after_recalibration_has_its_momentum() -> None:
    small = recalibrated(Normed(), torch.rand(5, 1, 28, 28))
    assert small.get_submodule("1").momentum == 0.1


def test_recalibration_is_for_the_dense_network_too(here: Machine) -> None:
    cell = a_cell("l1", arch=NORMED, recalibration_images=50)
    record = record_of(cell, here)
    bench: Bench = open_bench(cell, here)
    dense = bench.evaluate(recalibrated(bench.model, bench.calibration(50, cell.seed)))
    assert record["recalibrated"]["dense"] == dense.record()
    assert record["recalibrated"]["dense"]["bits"] != record["dense"]["bits"]
    row = summary_row(record)
    assert row.recalibrated_dense_correct == dense.correct
    assert row.recalibrated_correct == record["recalibrated"]["compressed"]["correct"]


def test_without_batch_norm_recalibration_changes_nothing(here: Machine) -> None:
    record = record_of(a_cell("l1", recalibration_images=50), here)
    before = {key: record["compressed"][key] for key in ("correct", "total", "bits")}
    assert record["recalibrated"]["compressed"] == before
