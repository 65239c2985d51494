"""GPU against CPU: faked evaluations, and what happens where there is no GPU."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments.check import __main__ as check
from experiments.check import gpu
from experiments.check.composing import machine_of
from experiments.check.draw import Drawn
from experiments.check.gpu import agreement, gpu_smoke
from experiments.determinism import full_float32
from experiments.evaluation import Evaluation
from experiments.record import Record
from experiments.report.rows import summary_row
from experiments.settings import Machine
from tests.harness.cells import a_cell, machine
from tropnnc import TropnncError

TOTAL = 10_000


def stage(flipped: int) -> dict[str, Any]:
    """An evaluation that is right on every image but the first ``flipped``."""
    hits = np.arange(TOTAL) >= flipped
    return Evaluation(torch.zeros(0), hits).record()


def record(dense: int = 0, compressed: int = 0, recalibrated: int | None = None) -> Record:
    found: Record = {
        "identity": "one cell",
        "status": "done",
        "dense": stage(dense),
        "compressed": stage(compressed),
    }
    if recalibrated is not None:
        found["recalibrated"] = {"dense": stage(0), "compressed": stage(recalibrated)}
    return found


@pytest.mark.parametrize(("flipped", "holds"), [(0, True), (5, True), (6, False)])
def test_five_images_of_ten_thousand_may_differ(flipped: int, holds: bool) -> None:
    for other in (record(dense=flipped), record(compressed=flipped)):
        found = agreement(record(), other)
        assert (found.differing, found.total, found.holds) == (flipped, TOTAL, holds)
    found = agreement(record(recalibrated=0), record(recalibrated=flipped))
    assert (found.differing, found.holds) == (flipped, holds)


def test_the_same_number_of_hits_on_other_images_is_a_difference() -> None:
    one, other = record(), record()
    one["compressed"] = Evaluation(torch.zeros(0), np.arange(TOTAL) != 3).record()
    other["compressed"] = Evaluation(torch.zeros(0), np.arange(TOTAL) != 4).record()
    assert one["compressed"]["correct"] == other["compressed"]["correct"]
    assert agreement(one, other).differing == 2


@pytest.mark.parametrize("change", [{"identity": "another"}, {"status": "failed"}])
def test_only_two_records_of_one_cell_are_compared(change: dict[str, str]) -> None:
    with pytest.raises(TropnncError, match="two records of one cell"):
        agreement(record(), {**record(), **change})


@pytest.mark.parametrize(("flipped", "good"), [(5, True), (6, False)])
def test_one_cell_that_differs_fails_the_command(
    flipped: int,
    good: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    here, devices = machine(tmp_path), []
    own = gpu.run_cell(a_cell(), here).record
    assert own is not None
    drawn = Drawn("cifar10_vgg", summary_row(own))

    def done(_: object, where: Machine) -> Record:
        devices.append(where.device)
        return record(compressed=flipped if len(devices) > 1 else 0)

    monkeypatch.setattr(gpu, "resolve_device", lambda _: torch.device("cpu"))
    monkeypatch.setattr(gpu, "_cells", lambda *_: [(drawn, a_cell()), (drawn, a_cell())])
    monkeypatch.setattr(gpu, "_on_cpu", lambda *_: {**own, **record()})
    monkeypatch.setattr(gpu, "_done", done)
    assert gpu_smoke(here, 2, 0, 5.0) is good
    assert devices == ["cuda", "cuda"]
    said = capsys.readouterr().out
    assert f"{flipped} of 10,000 images differ" in said
    assert "2 of 2 cells compared" in said


def test_without_a_gpu_there_is_one_line_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["check", "gpu"])
    with pytest.raises(SystemExit) as left:
        check.main()
    assert left.value.code == 2
    answer = capsys.readouterr()
    assert answer.err == (
        "check: device = cuda, but there is none here; auto and cpu are accepted\n"
    )
    assert answer.out == ""


def test_nothing_committed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "resolve_device", lambda _: torch.device("cpu"))
    (tmp_path / "summary").mkdir()
    with pytest.raises(TropnncError, match="committed") as caught:
        gpu_smoke(replace(machine(tmp_path), results_dir=tmp_path), 2, 0, 5.0)
    assert "\n" not in str(caught.value)


def test_float32_is_not_rounded_to_tf32() -> None:
    switches: tuple[Any, ...] = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [switch.allow_tf32 for switch in switches]
    try:
        for switch in switches:
            switch.allow_tf32 = True
        full_float32()
        assert not any(switch.allow_tf32 for switch in switches)
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.allow_tf32 = value


def test_a_checks_results_folder_is_the_one_it_was_told(tmp_path: Path) -> None:
    assert machine_of([f"results_dir={tmp_path}"]).results_dir == tmp_path
