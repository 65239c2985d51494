"""Latency: the widths of the records, each once, medians, ratios to the dense network."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from experiments import latency as latency_module
from experiments import timing
from experiments.cell import run_cell
from experiments.data import Dataset, Split
from experiments.latency import measure_experiment
from experiments.manifest import write_manifest
from experiments.report.latency import (
    LatencyRow,
    csv_path,
    frame,
    read_latency,
    write_latency,
    write_tables,
)
from experiments.timing import median_seconds, network_of_widths
from tests.harness.cells import a_cell, machine
from tropnnc import TropnncError

ARCH = a_cell().arch
ROWS = [
    LatencyRow("mlp", "", "", 1000, 1, 30, 2e-3),
    LatencyRow("mlp", "", "1=4", 250, 1, 30, 5e-4),
    LatencyRow("mlp", "", "", 1000, 128, 30, 8e-3),
    LatencyRow("mlp", "", "1=4", 250, 128, 30, 6e-3),
]


def test_a_network_has_the_widths_asked_for() -> None:
    arch = replace(ARCH, options=(("widths", (16, 12)),))
    small = network_of_widths(arch, (("1", 5), ("3", 2)), torch.zeros(1, 1, 28, 28))
    assert [m.out_features for m in small.modules() if isinstance(m, nn.Linear)] == [5, 2, 10]


def test_networks_take_turns_and_the_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, turns = [0.0], []
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])

    class Clocked(nn.Module):
        def __init__(self, seconds: float) -> None:
            super().__init__()
            self.seconds = seconds

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            turns.append(self.seconds)
            # Once the machine is busy elsewhere; a mean would show it.
            clock[0] += 1000.0 if len(turns) == 9 else self.seconds
            return x

    monkeypatch.setattr(timing, "REPEATS", {3: 1})
    medians = median_seconds([Clocked(0.5), Clocked(0.25)], torch.zeros(3, 1))
    assert medians == pytest.approx([0.5, 0.25])
    assert turns == [0.5, 0.25] * (timing.ROUNDS + 1)


def test_widths_are_timed_once_whatever_methods_share_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = machine(tmp_path)
    cells = [a_cell(method, ratio=ratio) for method in ("l1", "random") for ratio in (0.5, 0.25)]
    records = [run_cell(cell, here).record for cell in cells]
    write_manifest(here.runs_dir, "four", [record["identity"] for record in records if record])
    monkeypatch.setattr(latency_module, "experiment_cells", lambda _: cells)
    rows = measure_experiment("four", here)
    assert [(row.widths, row.batch) for row in rows] == [
        (widths, batch) for batch in (1, 128) for widths in ("", "1=8", "1=4")
    ]
    assert [row.parameters for row in rows[:3]] == [785 * k + (k + 1) * 10 for k in (16, 8, 4)]
    monkeypatch.setattr(latency_module, "median_seconds", None)
    assert measure_experiment("four", here) == rows


def test_an_experiment_that_was_not_run(tmp_path: Path) -> None:
    with pytest.raises(TropnncError, match="no records of nothing"):
        measure_experiment("nothing", machine(tmp_path))


def test_a_missing_record_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = machine(tmp_path)
    write_manifest(here.runs_dir, "one", ["0" * 64])
    monkeypatch.setattr(latency_module, "experiment_cells", lambda _: [a_cell()])
    with pytest.raises(TropnncError, match="1 of 1 cells of one are missing"):
        measure_experiment("one", here)


def test_the_images_have_the_shape_of_the_data_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = machine(tmp_path)
    record = run_cell(a_cell(), here).record
    assert record is not None
    write_manifest(here.runs_dir, "one", [record["identity"]])
    monkeypatch.setattr(latency_module, "experiment_cells", lambda _: [a_cell()])
    small = Split(torch.zeros(2, 4, 14, 14, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64))
    monkeypatch.setattr(
        latency_module, "open_dataset", lambda *_: Dataset("x", small, small, small)
    )
    seen: list[torch.Size] = []

    def note(models: list[nn.Module], images: torch.Tensor) -> list[float]:
        seen.append(images.shape)
        return [1.0] * len(models)

    monkeypatch.setattr(latency_module, "median_seconds", note)
    measure_experiment("one", here)
    assert seen == [(1, 4, 14, 14), (128, 4, 14, 14)]


def test_ratios_are_computed_from_the_medians_of_the_same_batch() -> None:
    table = frame(ROWS).set_index("widths")
    assert table.loc["1=4", "× dense, batch 1"] == "0.25"
    assert table.loc["1=4", "× dense, batch 128"] == "0.75"
    assert table.loc["dense", "ms, batch 1"] == "2.000"


def test_the_table_comes_from_the_csv_alone(tmp_path: Path) -> None:
    path = csv_path(tmp_path, "x")
    write_latency(ROWS, path)
    assert read_latency(path) == ROWS
    assert "0.75" in write_tables("x", tmp_path)
    assert r"$\times$ dense, batch 1" in (tmp_path / "tables" / "x_latency.tex").read_text()


def test_a_csv_without_a_row_or_with_a_bad_entry(tmp_path: Path) -> None:
    path = csv_path(tmp_path, "x")
    write_latency([], path)
    with pytest.raises(TropnncError, match="no row"):
        write_tables("x", tmp_path)
    write_latency(ROWS, path)
    path.write_text(path.read_text().replace(",30,", ",many,", 1))
    with pytest.raises(TropnncError, match="line 2: invalid literal"):
        write_tables("x", tmp_path)
