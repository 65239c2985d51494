"""Rows, tables and figure of what processes send each other."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.communication.__main__ import known
from experiments.communication.report import figure, report
from experiments.communication.rows import TRACK, communication_rows, renewed_rows
from experiments.manifest import write_manifest
from experiments.record import write_record
from experiments.report.rows import summary_row
from experiments.report.summary import parse_settings
from experiments.training_settings import Finetuning
from tests.harness.cells import RECIPE, a_cell
from tropnnc import TropnncError

NAME = "relatives_communication"


def record(identity: str, comm: dict[str, Any] | None, sent: float, correct: int) -> dict[str, Any]:
    config = a_cell(finetuning=Finetuning(RECIPE, (1,), False, processes=2)).determinants()
    made: dict[str, Any] = {
        **{"identity": identity, "config": config, "status": "done", "needs": "weights"},
        **{"checkpoint": "c", "order": "original"},
        "dense": {"total": 500, "correct": 480},
        "compressed": {"correct": 300, "parameters": 10_000, "bits": ""},
        "finetuned": [{"epoch": 1, "correct": correct, "bits": ""}],
        "timing": {"finetune_seconds": 9.0},
    }
    if comm is not None:
        config["finetune"]["comm"] = comm
        section = {"bytes_per_step": sent, "dense_bytes_per_step": 40_000, "steps": 160}
        made["communication"] = section
        made["timing"] |= {"hook_seconds": 0.02, "step_seconds": 0.1}
    return made


RECORDS = [
    record("a", None, 0, 450),
    record("b", {"codec": "fp16"}, 20_000.0, 451),
    record("c", {"codec": "topk_rice", "keep": 0.01, "values": "fp32"}, 600.5, 440),
    record("d", {"codec": "topk_rice", "keep": 0.1, "values": "fp32"}, 5_000.0, 445),
]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for each in RECORDS:
        write_record(tmp_path / "runs", each)
    write_manifest(tmp_path / "runs", NAME, [each["identity"] for each in RECORDS])
    return tmp_path


def test_rows_are_read_back_and_need_no_cells_then(results: Path) -> None:
    rows = renewed_rows(results, NAME)
    assert rows == communication_rows(RECORDS)
    (results / "runs" / "experiments" / f"{NAME}.json").unlink()
    assert renewed_rows(results, NAME) == rows
    assert known(results, "") == [NAME]
    assert known(results, "_quick") == []


def test_gradients_sent_as_they_are_take_four_bytes_an_entry() -> None:
    plain, half, few, _ = communication_rows(RECORDS)
    assert (plain.codec, plain.bytes_per_step, plain.share, plain.steps) == (
        *("none", 40_000, 1.0, 160),
    )
    assert plain.hook_seconds is None
    assert (half.keep, half.values, half.curve) == (0.0, "", "fp16")
    assert (few.accuracy, few.curve) == (88.0, "topk_rice fp32")


def test_tables_say_bytes_points_and_seconds(results: Path) -> None:
    text, paths = report(NAME, results)
    assert paths[0] == TRACK.summary_path(results, NAME)
    assert all(path.stat().st_size for path in paths)
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    assert ["topk_rice", "1 %", "fp32", "600", "1.50", "88.00", "-2.00"] in cells
    assert ["none", "–", "–", "–", "–", "3.2"] in cells
    assert ["topk_rice", "10 %", "fp32", "20.0", "100.0", "0.4"] in cells
    assert "160 steps" in text
    assert {path.name for path in (results / "tables").iterdir()} == {
        f"{NAME}_{kind}.{suffix}" for kind in ("bytes", "seconds") for suffix in ("md", "tex")
    }


def test_a_line_of_the_figure_is_a_codec() -> None:
    [axis] = figure(communication_rows(RECORDS)).axes
    assert axis.get_xscale() == "log"
    assert axis.get_legend_handles_labels()[1] == ["none", "fp16", "topk_rice fp32"]


def test_unequal_steps_are_refused_and_nothing_is_one_line(tmp_path: Path) -> None:
    other = {**RECORDS[1], "communication": {**RECORDS[1]["communication"], "steps": 80}}
    with pytest.raises(TropnncError, match=r"fine-tunings of \[80, 160\] steps"):
        communication_rows([other, *RECORDS[2:]])
    untuned = {key: value for key, value in RECORDS[1].items() if key != "finetuned"}
    for records in ([], [untuned]):
        with pytest.raises(TropnncError, match="nothing to compare"):
            communication_rows(records)
    with pytest.raises(TropnncError, match="torchrun --nproc_per_node 2"):
        renewed_rows(tmp_path, NAME)


def test_the_general_summary_tells_codecs_apart() -> None:
    settings = [parse_settings(summary_row(each).settings).get("comm") for each in RECORDS]
    assert settings[:3] == [None, "fp16", "topk_rice(keep=0.01,values=fp32)"]
    few = replace(RECIPE, epochs=2)
    config = a_cell(finetuning=Finetuning(few, (2,), False, images=64)).determinants()
    row = summary_row({**RECORDS[0], "config": config})
    assert parse_settings(row.settings)["finetune_images"] == "64"
