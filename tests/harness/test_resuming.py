"""A training that was killed goes on from its last epoch, to the same bytes."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from experiments import checkpoints, resuming, training
from experiments.checkpoints import Training, checkpoint_files, trained_network
from experiments.data import Dataset, load_dataset
from experiments.identity import weights_hash
from experiments.resuming import Snapshot
from experiments.settings import ArchSettings
from experiments.training_settings import EarlyStopping, TrainSettings
from tests.harness.cells import CELL, RECIPE, ROOT

CPU = torch.device("cpu")
EPOCHS = 4
ARCH = ArchSettings("small", f"{__name__}.Small")
SGD = replace(
    RECIPE,
    optimizer="sgd",
    schedule="one_cycle_linear",
    epochs=EPOCHS,
    batch=50,
    weight_decay=1e-3,
    decay_weights_only=True,
    flip=True,
    channels_last=True,
)
RECIPES = {
    "sgd": SGD,
    "adam": replace(RECIPE, epochs=EPOCHS, batch=50, schedule="cosine"),
    "early": replace(SGD, schedule="constant", early_stopping=EarlyStopping(0.2, 2)),
}
LONG = replace(SGD, epochs=30)


class Small(nn.Sequential):
    """Batch norm has buffers and dropout draws: both must be taken up where they were."""

    def __init__(self) -> None:
        super().__init__(
            *(nn.Conv2d(1, 4, 3, stride=3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()),
            *(nn.Dropout(0.3), nn.Linear(4 * 9 * 9, 10)),
        )


class Killed(Exception):
    """Stands for SIGKILL."""


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return few_digits()


def few_digits() -> Dataset:
    whole = load_dataset("mnist5k", Path("nowhere"))
    train = whole.train.take(torch.arange(0, 3500, 7))
    return Dataset("few", train, whole.validation, whole.test)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resuming, "SECONDS", 0.0)


def a_training(dataset: Dataset, recipe: TrainSettings) -> Training:
    return Training(ARCH, recipe, dataset, CELL.dataset, 0)


def trained(task: Training, runs_dir: Path) -> str:
    return weights_hash(trained_network(task, CPU, runs_dir).state_dict())


def kill_in(monkeypatch: pytest.MonkeyPatch, epoch: int) -> list[int]:
    """Let trainings die in the middle of ``epoch``; the list tells the steps that were taken."""
    steps: list[int] = []
    loss = training._loss

    def until_killed(model: nn.Module, batch: Any, *rest: Any) -> Any:
        steps.append(len(batch))
        if sum(steps) > (epoch - 0.5) * 450:
            raise Killed
        return loss(model, batch, *rest)

    monkeypatch.setattr(training, "_loss", until_killed)
    return steps


@pytest.mark.parametrize("name", RECIPES)
def test_killed_training_goes_on_to_the_same_bytes(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    task = a_training(digits, RECIPES[name])
    whole = trained(task, tmp_path / "whole")
    with monkeypatch.context() as context:
        kill_in(context, epoch=3)
        with pytest.raises(Killed):
            trained(task, tmp_path)
    [snapshot] = (tmp_path / "trainings").iterdir()
    assert snapshot.name == task.identity
    steps = kill_in(monkeypatch, epoch=99)
    assert trained(task, tmp_path) == whole
    assert sum(steps) <= (EPOCHS - 2) * 500  # not from the beginning
    assert not list((tmp_path / "trainings").iterdir())
    files = [checkpoint_files(task, runs)[0] for runs in (tmp_path, tmp_path / "whole")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_time_before_the_kill_counts(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"model": Small()}
    snapshot = Snapshot(tmp_path / "x")
    monkeypatch.setattr(snapshot, "_started", snapshot._started - 1000)
    snapshot.save(1, parts, torch.Generator())
    resumed = Snapshot(tmp_path / "x")
    assert resumed.restore(parts, torch.Generator()) == 1
    assert 1000 <= resumed.seconds < 1100


def test_short_trainings_leave_no_file(
    digits: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resuming, "SECONDS", 60.0)
    kill_in(monkeypatch, epoch=2)
    with pytest.raises(Killed):
        trained(a_training(digits, SGD), tmp_path)
    assert not (tmp_path / "trainings").exists()


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "another torch"])
def test_a_damaged_file_is_set_aside_and_the_training_starts_over(
    digits: Dataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    task = a_training(digits, SGD)
    whole = trained(task, tmp_path / "whole")
    with monkeypatch.context() as context:
        if damage == "another torch":
            context.setattr(resuming, "FORMAT", 0)
        kill_in(context, epoch=3)
        with pytest.raises(Killed):
            trained(task, tmp_path)
    [path] = (tmp_path / "trainings").iterdir()
    blob = path.read_bytes()
    bad = {
        "truncated": blob[:-9],
        "flipped": blob[:5000] + bytes([blob[5000] ^ 1]) + blob[5001:],
        "empty": b"",
    }.get(damage, blob)
    path.write_bytes(bad)
    assert trained(task, tmp_path) == whole
    assert (tmp_path / "trainings" / "damaged" / f"{path.name}.1").read_bytes() == bad
    assert f"{path}: damaged" in capsys.readouterr().out


SCRIPT = """
import sys, time, torch
from pathlib import Path
from experiments import resuming
from experiments.checkpoints import trained_network
from tests.harness.test_resuming import LONG, a_training, few_digits
resuming.SECONDS = 0.0
torch.set_num_threads(1)
task = a_training(few_digits(), LONG)
trained_network(task, torch.device("cpu"), Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_sigkill_in_a_process_of_its_own(digits: Dataset, tmp_path: Path) -> None:
    task = a_training(digits, LONG)
    whole = trained(task, tmp_path / "whole")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    deadline = time.monotonic() + 60
    while not (tmp_path / "trainings" / task.identity).exists():
        assert time.monotonic() < deadline
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not checkpoints.is_stored(task, tmp_path)
    assert trained(task, tmp_path) == whole
