"""Fine-tuning that learns the dense network's outputs, with and without images."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from torch import Tensor, nn

from experiments.augmentation import batches
from experiments.bench import Bench, check_inputs, open_bench
from experiments.block import result_block
from experiments.cell import cell_identity, cell_versions, run_cell
from experiments.data import Dataset, Split, normalise, pixels_of
from experiments.distillation import Imitation, examples_of
from experiments.finetuning import Curve, finetune
from experiments.goals import Labels
from experiments.parsing import cell_settings
from experiments.report.rows import summary_row
from experiments.report.summary import parse_settings
from experiments.report.variants import variants
from experiments.settings import CellSettings, Machine
from experiments.training import epochs
from experiments.training_settings import Distillation, Finetuning
from tests.harness.cells import RECIPE, a_cell, composed, machine
from tests.harness.test_finetuning import NORMED, Killed, Normed, kill_at_save
from tropnnc import TropnncError

SYNTHETIC = Distillation("synthetic", 40, steps=8)
REAL = Distillation("images", 40)
TUNED = replace(RECIPE, epochs=3, schedule="constant", batch=16, learning_rate=0.003, flip=True)


def tuning(distillation: Distillation | None = SYNTHETIC) -> Finetuning:
    return Finetuning(TUNED, (1, 3), from_scratch=False, distillation=distillation)


def cell(distillation: Distillation | None = SYNTHETIC, **changes: Any) -> CellSettings:
    return a_cell("l1", **{"arch": NORMED, "finetuning": tuning(distillation), **changes})


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return machine(tmp_path_factory.mktemp("distillation"))


def record_of(cell: CellSettings, here: Machine) -> dict[str, Any]:
    record = run_cell(cell, here).record
    assert record is not None
    assert record["status"] == "done"
    return record


def order() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("classes", [1, 4])
def test_the_loss_is_the_divergence_from_the_softened_teacher(classes: int) -> None:
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(6, classes)).eval()
    inputs, student = torch.randn(5, 1, 2, 3), 2 * torch.randn(5, classes)
    own, wanted = student.numpy(), teacher(inputs).detach().numpy()
    if classes == 1:  # that of class 0 is zero
        own, wanted = (np.column_stack([x, 0 * x]) for x in (own, wanted))
    log_p, log_q = (log_softmax(x.astype(float) / 3, axis=1) for x in (wanted, own))
    expected = 9 * (np.exp(log_p) * (log_p - log_q)).sum(axis=1).mean()
    goal = Imitation(teacher, order())
    for labels in (torch.zeros(5, dtype=torch.int64), torch.ones(5, dtype=torch.int64)):
        assert goal.loss(student, inputs, labels).item() == pytest.approx(expected, rel=1e-5)
    assert goal.loss(teacher(inputs), inputs, labels).item() == pytest.approx(0, abs=1e-6)


def test_a_batch_is_mixed_with_itself() -> None:
    goal, images = Imitation(nn.Identity(), order()), torch.eye(6).reshape(6, 1, 6, 1)
    seen = torch.stack([goal.inputs(images).reshape(6, 6) for _ in range(200)])
    assert torch.allclose(seen.sum(dim=2), torch.ones(200, 6))
    assert torch.allclose(seen.sum(dim=1), torch.ones(200, 6))
    share = seen.diagonal(dim1=1, dim2=2)
    # λ of the batch, or 1 where an image meets itself.
    own = torch.where(share > 1 - 1e-6, 2.0, share).amin(dim=1, keepdim=True)
    assert torch.all((share - own).abs().minimum((share - 1).abs()) < 1e-6)
    assert own.mean().item() == pytest.approx(0.5, abs=3 * (1 / 12 / 200) ** 0.5 + 1e-3)


def test_batch_norms_keep_their_statistics_and_learn_the_rest(here: Machine) -> None:
    bench = open_bench(cell(), here)
    small = copy.deepcopy(bench.model)
    with torch.no_grad():
        small.get_parameter("0.weight").add_(0.1)
    before = copy.deepcopy(small.state_dict())
    finetune(small, tuning(), bench, 0, Curve(), imitated=bench.training_images(40, 0))
    same = {key for key, value in small.state_dict().items() if torch.equal(value, before[key])}
    assert same == {"1.running_mean", "1.running_var", "1.num_batches_tracked"}
    assert not small.training


def test_pixels_are_what_normalising_undoes(here: Machine) -> None:
    bench, images = open_bench(cell(), here), torch.randn(7, 1, 28, 28)
    again = normalise(pixels_of(images, bench.settings), bench.settings)
    assert torch.allclose(again, images, atol=1e-5)
    pixels = bench.dataset.train.images[:3].float()
    kept = pixels.clone()
    normalise(pixels, bench.settings)
    assert torch.equal(pixels, kept)


def test_flips_and_shifts_are_those_of_the_fine_tuning(here: Machine) -> None:
    """Shifted in are black pixels, as in training; without either, the images themselves."""
    bench = open_bench(cell(), here)
    images = normalise(bench.dataset.train.images[:12], bench.settings)
    examples = examples_of(SYNTHETIC, bench, images, 0)
    [plain] = batches(examples, replace(TUNED, shift=0, flip=False), order())
    near = (plain.images[:, None] - pixels_of(images, bench.settings)).abs().amax(dim=(2, 3, 4))
    assert sorted(near.argmin(dim=1).tolist()) == list(range(12))
    assert near.amin(dim=1).max() == 0
    [moved] = batches(examples, replace(TUNED, shift=5), order())
    assert not torch.equal(moved.images, plain.images)
    assert moved.images.min() == pytest.approx(0, abs=1e-3)


def distance(model: nn.Module, bench: Bench) -> float:
    with torch.no_grad():
        gap = model(bench.test_images) - bench.model(bench.test_images)
    return gap.norm().item()


@pytest.mark.parametrize("distillation", [SYNTHETIC, REAL])
def test_the_student_comes_nearer_to_the_teacher(
    distillation: Distillation, here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On test images, which it has not seen; of labels it sees none."""
    distances: list[float] = []
    original = Bench.evaluate

    def measuring(bench: Bench, model: nn.Module, *more: Any) -> Any:
        distances.append(distance(model, bench))
        return original(bench, model, *more)

    monkeypatch.setattr(Bench, "evaluate", measuring)
    monkeypatch.setattr(Labels, "loss", None)
    record_of(cell(distillation, ratio=0.3), here)
    assert len(distances) == 3
    assert distances[0] > distances[1] > distances[2]


class Untouchable(Split):
    """Training images that nobody may read."""

    def read(self, chunks: Any) -> Any:
        raise AssertionError("training images were read")

    def take(self, indices: Tensor) -> Split:
        raise AssertionError("training images were taken")


def test_no_training_image_is_read(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = open_bench(cell(), here)
    train = bench.dataset.train
    locked: Dataset = replace(bench.dataset, train=Untouchable(train.images, train.labels))
    closed = replace(bench, dataset=locked)
    monkeypatch.setattr("experiments.cell.open_bench", lambda *_: closed)
    assert record_of(cell(ratio=0.6), here)["finetuned"]
    failed = run_cell(cell(REAL, ratio=0.6), here)
    assert "training images were taken" in failed.message


def test_without_training_images_it_is_not_skipped(
    here: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = open_bench(cell(), here)
    none = bench.dataset.train.take(torch.arange(0))
    statistics = ((0.13,), (0.31,))
    empty = replace(bench, dataset=replace(bench.dataset, train=none, statistics=statistics))
    monkeypatch.setattr("experiments.cell.open_bench", lambda *_: empty)
    assert record_of(cell(ratio=0.7), here)["finetuned"]
    for other in (REAL, None):
        skipped = run_cell(cell(other, ratio=0.7), here)
        assert skipped.message == "needs training images; of mnist5k there are none here"


@pytest.mark.parametrize("kill", [1, 2])
def test_killed_after_an_epoch_it_goes_on_to_the_same_record(
    here: Machine, kill: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    straight = record_of(cell(), replace(here, results_dir=tmp_path / "straight"))
    interrupted = replace(here, results_dir=tmp_path / "killed")
    open_bench(cell(), interrupted)  # the dense training is another one
    saves = kill_at_save(monkeypatch, kill)
    with pytest.raises(Killed):
        run_cell(cell(), interrupted)
    assert record_of(cell(), interrupted)["finetuned"] == straight["finetuned"]
    assert len(saves) == 3


def test_it_has_the_columns_of_fine_tuning_and_its_images_are_accounted_for(here: Machine) -> None:
    record, plain = record_of(cell(), here), record_of(cell(finetuning=None), here)
    assert record["compressed"] == plain["compressed"]
    row = summary_row(record)
    assert parse_settings(row.settings)["distil"] == "synthetic(count=40,steps=8)"
    assert row.finetuned_correct == record["finetuned"][-1]["correct"]
    assert variants([row]) == {row.identity: "l1 (distil=synthetic(count=40,steps=8))"}
    assert row.imagine_seconds is None
    assert row.finetune_imagine_seconds is not None
    assert "made once for the dense network" in result_block(run_cell(cell(), here))
    made = list((here.runs_dir / "images").iterdir())
    again = summary_row(record_of(cell(ratio=0.25), here))
    assert again.finetune_imagine_seconds == row.finetune_imagine_seconds
    assert list((here.runs_dir / "images").iterdir()) == made


def test_the_identity_knows_the_recipe_and_others_do_not_know_of_it(here: Machine) -> None:
    bench = open_bench(cell(), here)
    cells = [
        cell(None),
        cell(),
        cell(REAL),
        cell(replace(SYNTHETIC, count=41)),
        cell(replace(SYNTHETIC, steps=9)),
    ]
    assert len({cell_identity(c, bench) for c in cells}) == 5
    made = record_of(cell(), here)["config"]["finetune"]["synthetic"]
    assert (made["count"], made["steps"], made["variation"]) == (40, 8, 2e-3)
    assert "distil" not in cells[0].determinants()["finetune"]
    assert cell_versions(cells[1]).keys() - cell_versions(cells[0]).keys() == {"distillation"}


DISTIL = ("finetune.epochs=2", "finetune.distil.source=synthetic")


def test_the_configuration_of_the_command_line() -> None:
    parsed = cell_settings(composed(*DISTIL, "finetune.distil.count=30")).finetuning
    assert parsed is not None
    assert parsed.distillation == Distillation("synthetic", 30)
    parsed = cell_settings(composed(*DISTIL, "finetune.distil.source=images")).finetuning
    assert parsed is not None
    assert parsed.distillation == Distillation("images", 250)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("finetune.distil.source=noise", "finetune.distil.source 'noise'; accepted are images, sy"),
        ("finetune.distil.count=1", "finetune.distil.count = 1 is not accepted"),
        ("finetune.distil.batch=2", "finetune.distil.batch = 2 is not accepted"),
        ("finetune.distil=synthetic", "finetune.distil = synthetic is not accepted"),
        ("finetune.learning_rate=[0.1,0.2]", r"learning_rate = \[0.1, 0.2\] is not accepted with"),
        ("finetune.label_smoothing=0.1", "label_smoothing = 0.1 is not accepted with"),
        ("finetune.processes=2", "finetune.processes = 2 is not accepted with finetune.distil; 1"),
    ],
)
def test_bad_settings(override: str, message: str) -> None:
    with pytest.raises(TropnncError, match=message):
        cell_settings(composed(*DISTIL, override))


def test_more_images_than_there_are_is_refused(here: Machine) -> None:
    with pytest.raises(TropnncError, match=r"finetune\.distil\.count = 5000 is not accepted; mn"):
        check_inputs(cell(Distillation("images", 5000)), here)


def test_labels_are_learnt_as_they_were_before_there_were_goals() -> None:
    """The goal by default is the one of the recipe."""
    torch.manual_seed(0)
    data = Split(torch.randint(0, 256, (40, 1, 28, 28)).byte(), torch.arange(40) % 10)
    settings, states = cell().dataset, []
    recipe = replace(TUNED, label_smoothing=0.1)
    first = Normed()
    for goal in (None, Labels(0.1), Labels(0.0)):
        model = copy.deepcopy(first)
        for _ in epochs(model, recipe, data, settings, order(), "test", goal=goal):
            pass
        states.append(model.state_dict())
    same = [all(torch.equal(states[0][k], s[k]) for k in s) for s in states[1:]]
    assert same == [True, False]
