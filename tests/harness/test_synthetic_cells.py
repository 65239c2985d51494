"""Cells whose method makes its images from the weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from experiments import synthetic_cells
from experiments.bench import Bench, open_bench
from experiments.block import result_block
from experiments.cell import cell_identity, run_cell
from experiments.estimates import Timings
from experiments.frontier.reading import NotRun
from experiments.frontier.sheet import write_sheet
from experiments.locks import Busy
from experiments.manifest import write_manifest
from experiments.report.rows import summary_row
from experiments.settings import CellSettings, Component, Machine
from experiments.synthetic_images import images_file
from tests.harness.cells import a_cell, machine
from tropnnc import compress
from tropnnc.composition import synthetic_ls
from tropnnc.imagination import imagine, origin_of, sheet_path
from tropnnc.seeding import derive_seed

FEW: dict[str, Any] = {"count": 12, "steps": 2}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return machine(tmp_path_factory.mktemp("cells"))


def a_synthetic_cell(
    method: str = "synthetic_ls", ratio: float = 0.5, **options: Any
) -> CellSettings:
    component = Component(method, tuple((FEW | options).items()))
    return replace(a_cell(ratio=ratio), method=component)


def test_all_ratios_and_methods_share_the_images_and_each_answers_for_their_time(
    here: Machine,
) -> None:
    cells = [
        a_synthetic_cell(),
        a_synthetic_cell(ratio=0.25),
        a_synthetic_cell("tropnnc_synthetic"),
    ]
    records = [run_cell(cell, here).record for cell in cells]
    assert len(list((here.runs_dir / "images").glob("*.safetensors"))) == 1
    [seconds] = {summary_row(record).imagine_seconds for record in records if record is not None}
    assert seconds is not None
    assert seconds > 0
    assert "made once for the dense network" in result_block(run_cell(cells[0], here))
    # The next cell will find them.
    [record] = [record for record in records[2:] if record is not None]
    spent = sum(record["timing"].values()) - seconds
    assert Timings(here.runs_dir).total(cells[2:], []) == pytest.approx(spent)


def test_the_compression_is_the_librarys_on_these_images(here: Machine) -> None:
    cell = a_synthetic_cell(ratio=0.25)
    bench, seed = open_bench(cell, here), derive_seed(0, "synthetic images")
    reducer = synthetic_ls(**FEW)
    made = imagine(bench.model, (1, 28, 28), reducer.recipe(bench.model), bench.pixels, seed).tensor
    small, _ = compress(
        bench.model, bench.example, reducer, 0.25,
        pixels=bench.pixels, seed=derive_seed(0, "compress"), synthetic=made,
    )  # fmt: skip
    record = run_cell(cell, here).record
    assert record is not None
    assert record["compressed"]["correct"] == bench.evaluate(small).correct
    assert record["needs"] == "statistics"


def test_the_identity_contains_the_recipe(here: Machine) -> None:
    cells = [a_synthetic_cell(), a_synthetic_cell(count=13), a_synthetic_cell(steps=3)]
    bench = open_bench(cells[0], here)
    assert len({cell_identity(cell, bench) for cell in cells}) == 3
    record = run_cell(cells[0], here).record
    assert record is not None
    recipe = record["config"]["synthetic"]
    assert (recipe["count"], recipe["learning_rate"], recipe["shift"]) == (12, 0.06, 2)


def test_no_real_image_is_asked_for(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> torch.Tensor:
        raise AssertionError("calibration images were asked for")

    monkeypatch.setattr(Bench, "calibration", refused)
    assert run_cell(a_synthetic_cell(ratio=0.75), here).status == "done"


def test_a_process_that_does_not_wait_leaves_images_to_the_one_that_makes_them(
    here: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(synthetic_cells, "are_being_made", lambda *_: True)
    cell = a_synthetic_cell(ratio=0.3)
    with pytest.raises(Busy):
        run_cell(cell, here, wait=False)
    assert run_cell(a_cell(ratio=0.3), here, wait=False).status == "done"


def test_the_page_shows_the_sheet_of_the_network_it_names(here: Machine, tmp_path: Path) -> None:
    """Beside images of another recipe; where nothing was run, the committed one stays."""
    with pytest.raises(NotRun):
        write_sheet(tmp_path, "")
    cells = [a_synthetic_cell(), a_synthetic_cell(count=13)]
    records = [run_cell(cell, here).record for cell in cells]
    bench, seed = open_bench(cells[0], here), derive_seed(0, "synthetic images")
    recipe = synthetic_ls(**FEW).recipe(bench.model)
    origin = origin_of(bench.model, (1, 28, 28), recipe, bench.pixels, seed)
    identities = [record["identity"] for record in records if record is not None]
    write_manifest(here.runs_dir, "frontier_resnet20_trained", identities)
    shown = Path(write_sheet(here.results_dir, "")).read_bytes()
    assert shown == sheet_path(images_file(origin, here.runs_dir)).read_bytes()
    shutil.rmtree(here.runs_dir / "images")
    assert Path(write_sheet(here.results_dir, "")).read_bytes() == shown
