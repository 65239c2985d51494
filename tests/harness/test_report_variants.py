"""Which options of a cell become part of its name in tables and figures."""

from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from experiments.cell import run_cell
from experiments.report.figure import MOST_CURVES, figures
from experiments.report.options import parse_options, with_options
from experiments.report.render import to_markdown
from experiments.report.rows import summary_row
from experiments.report.summary import SummaryRow, parse_settings
from experiments.report.tables import blocks
from experiments.report.variants import variants
from tests.harness.cells import ROOT, a_cell, machine
from tests.harness.summaries import FIXTURES, of


def test_settings_that_vary_become_part_of_a_methods_name() -> None:
    row = of("l1", 0.5)[0]
    other = replace(row, settings=row.settings.replace("bias=False", "bias=True"), identity="x")
    assert variants([row, other]) == {row.identity: "l1 (bias=False)", "x": "l1 (bias=True)"}
    assert variants([row]) == {row.identity: "l1"}


ALLOCATORS = (
    "uniform",
    "cup(budget=macs)",
    "tropnnc(budget=macs,normalisation=none)",
    "tropnnc(budget=macs,normalisation=norm)",
)


def allocated(row: SummaryRow, allocator: str, worse: int) -> SummaryRow:
    settings = row.settings.replace("allocator=uniform", f"allocator={allocator}")
    identity = f"{row.identity} {allocator}"
    return replace(row, settings=settings, identity=identity, correct=row.correct - worse)


def test_allocators_are_told_apart_by_name_and_by_the_options_that_vary() -> None:
    cells = [
        allocated(row, allocator, worse)
        for worse, allocator in enumerate(ALLOCATORS)
        for row in (*of("tropnnc", 0.5), *of("l1", 0.5))
        if row.method == "tropnnc" or allocator == "uniform"
    ]
    assert to_markdown(blocks(cells)) == (FIXTURES / "allocators.md").read_text()
    [legend] = figures(cells)[""].legends
    assert "tropnnc (allocator=tropnnc(normalisation=norm))" in [
        text.get_text() for text in legend.get_texts()
    ]


@pytest.mark.parametrize(("extra", "drawn"), [(0, True), (1, False)])
def test_more_curves_than_can_be_told_apart_are_not_drawn(extra: int, drawn: bool) -> None:
    allocators = [f"tropnnc(budget={index})" for index in range(MOST_CURVES + extra)]
    cells = [allocated(row, a, 0) for a in allocators for row in of("tropnnc", 0.5)]
    assert bool(figures(cells)) == drawn
    around = ("dense", "parameters kept", "MACs kept")
    assert len(blocks(cells)[0].lines) == len(around) + MOST_CURVES + extra


def test_the_settings_of_a_record_name_the_allocator_with_its_options(tmp_path: Path) -> None:
    record = run_cell(a_cell(), machine(tmp_path)).record
    assert record is not None
    allocator = {"name": "tropnnc", "options": {"budget": "macs", "normalisation": "norm"}}
    row = summary_row({**record, "config": {**record["config"], "allocator": allocator}})
    assert parse_settings(row.settings)["allocator"] == ALLOCATORS[3]


def test_no_option_of_a_method_has_the_name_of_an_axis() -> None:
    axes = {"scope", "order", "allocator", "calibration", "recalibrate", "finetune", "rescaling"}
    for path in (ROOT / "conf" / "method").glob("*.yaml"):
        loaded = OmegaConf.load(path)
        assert not axes & set(OmegaConf.select(loaded, "options", default={})), path.name


@pytest.mark.parametrize("name", ["mlp", "allocator"])
def test_options_survive_the_text(name: str) -> None:
    for options in ({}, {"a": "1"}, {"a": "256+128", "b": "x=y"}):
        assert parse_options(with_options(name, options)) == (name, options)
