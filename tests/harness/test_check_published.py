"""Theirs and ours: verdicts, what is looked up and what is computed, and what narrows it."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.bench import open_bench
from experiments.cell import run_cell
from experiments.check.comparison import Comparison, map_figure, measure, missing
from experiments.check.figure import Figure
from experiments.check.lookup import Cells
from experiments.check.options import OPTIONS
from experiments.check.paper import check_paper
from experiments.check.published import check_published
from experiments.report.rows import summary_row
from experiments.report.statistics import Sample
from experiments.report.summary import SummaryRow
from experiments.settings import CellSettings, Machine
from tests.harness.cells import machine
from tropnnc import TropnncError
from tropnnc.files import write_atomic

TINY = "arch.widths=[16] train.epochs=1 train.batch=250 calibration.images=32"
FIGURE = Figure(
    table="1",
    row="ours",
    dataset="mnist5k",
    network="mlp",
    scope="all",
    method="misiakos",
    ratio_definition="neurons_removed",
    ratio=0.5,
    finetuning="before",
    metric="accuracy",
    printed="50.0",
    plus_minus=0.0,
    overrides=tuple(TINY.split()),
)
HEADER = (
    "table,row,dataset,network,scope,method,ratio_definition,ratio,finetuning,metric,value,"
    "plus_minus,checkpoint,overrides,explained"
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return machine(tmp_path_factory.mktemp("published"))


def line(method: str, value: str, definition: str = "neurons_removed", **more: str) -> str:
    ratio = "" if definition == "none" else "0.5"
    checkpoint, explained = more.get("checkpoint", ""), more.get("explained", "")
    return (
        f"1,row,mnist5k,{more.get('network', 'mlp')},all,{method},{definition},{ratio},before,"
        f'accuracy,{value},,{checkpoint},"{TINY}",{explained}'
    )


def ours(figure: Figure, here: Machine, seeds: int = 1) -> Comparison:
    cells = Cells(here, {})
    return measure(map_figure(figure, cells, seeds), cells)


@pytest.mark.parametrize(
    ("printed", "measured", "same"),
    [("63.9", 63.94, True), ("63.9", 63.96, False), ("88.40", 88.40, True), ("88", 88.5, True)],
)
def test_the_printed_digits_decide(printed: str, measured: float, same: bool) -> None:
    figure = replace(FIGURE, printed=printed)
    assert Comparison(figure, Sample(measured, 0.0, 1), 0).same_digits is same


def test_the_band_adds_two_deviations_of_both() -> None:
    figure = replace(FIGURE, printed="90.0", plus_minus=0.3)
    assert Comparison(figure, Sample(91.0, 0.4, 3), 0).band == pytest.approx(0.05 + 2 * 0.5)


def test_metrics_count_what_they_say(here: Machine) -> None:
    accuracy = ours(FIGURE, here).ours.mean
    dense = replace(FIGURE, method="dense", ratio_definition="none", ratio=1.0)
    assert ours(replace(FIGURE, metric="error"), here).ours.mean == pytest.approx(100 - accuracy)
    drop = ours(dense, here).ours.mean - accuracy
    assert ours(replace(FIGURE, metric="drop"), here).ours.mean == pytest.approx(drop)
    bench = open_bench(map_figure(dense, Cells(here, {}), 1).cells[0], here)
    assert ours(dense, here).ours.mean == pytest.approx(bench.dense.correct / 10)


def test_the_units_of_replication_are_training_seeds(here: Machine) -> None:
    assert ours(FIGURE, here, seeds=2).ours.n == 2


def committed(figure: Figure, here: Machine) -> dict[str, SummaryRow]:
    outcomes = [run_cell(cell, here) for cell in map_figure(figure, Cells(here, {}), 1).cells]
    rows = [summary_row(outcome.record) for outcome in outcomes if outcome.record is not None]
    return {row.identity: row for row in rows}


def test_a_committed_row_is_looked_up_without_its_network(here: Machine, tmp_path: Path) -> None:
    rows = committed(FIGURE, here)
    fresh = Cells(machine(tmp_path), rows)
    comparison = measure(map_figure(FIGURE, fresh, 1), fresh)
    assert (comparison.computed, comparison.ours) == (0, ours(FIGURE, here).ours)
    assert not (tmp_path / "results").exists()
    other = replace(FIGURE, overrides=(*FIGURE.overrides, "method.options.n_init=3"))
    assert missing(map_figure(other, fresh, 1), fresh) == 1


def test_records_on_disk_cost_nothing(here: Machine) -> None:
    ours(FIGURE, here)
    assert ours(FIGURE, here).computed == 0


def published(results: Path, *lines: str) -> None:
    write_atomic(results / "published" / "x.csv", "\n".join([HEADER, *lines, ""]).encode())


def test_published_figures_without_their_weights_are_not_tried(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here = machine(tmp_path)
    published(
        here.results_dir,
        *(line("l1", "90.0"), line("udfc", "90.0"), line("l1", "90.0", network="GoogLeNet")),
        line("l1", "90.0", checkpoint="absent.pt"),
    )
    assert check_published(Cells(here, {}))
    said = capsys.readouterr().out.splitlines()
    assert [text.rpartition(": ")[2] for text in said] == [
        *("the weights behind it are not at hand", "method 'udfc' is not at hand"),
        *("network 'GoogLeNet' is not at hand", "no file absent.pt", "4 not tried"),
    ]


def test_an_unexplained_difference_fails_and_an_explained_one_does_not(
    here: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    ours(FIGURE, here)
    weights = min((here.runs_dir / "checkpoints").glob("*.safetensors"))
    with_weights = replace(FIGURE, checkpoint=str(weights))
    right = f"{ours(with_weights, here).ours.mean:.1f}"
    good = line("misiakos", right, checkpoint=str(weights))
    excused = line("misiakos", "1.0", checkpoint=str(weights), explained="another seed")
    published(here.results_dir, good, excused)
    assert check_published(Cells(here, {}))
    assert "1 reproduced, 1 explained" in capsys.readouterr().out
    published(here.results_dir, good, line("misiakos", "1.0", checkpoint=str(weights)))
    assert not check_published(Cells(here, {}))
    said = capsys.readouterr().out
    assert "DIFFERS: 1, row: mnist5k mlp misiakos neurons removed 0.5" in said
    assert f"theirs 1.0, ours {float(right):.2f}, difference {float(right) - 1:+.2f}" in said


def test_a_papers_difference_names_the_options_that_narrow_it(
    here: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stated = replace(FIGURE, method="tropnnc")
    option = "method.options.outgoing=mean"
    theirs = ours(replace(stated, overrides=(*FIGURE.overrides, option)), here).ours.mean
    assert theirs != ours(stated, here).ours.mean
    (tmp_path / "x.csv").write_text("\n".join([HEADER, line("tropnnc", f"{theirs:.1f}"), ""]))
    check_paper(tmp_path / "x.csv", Cells(here, {}), seeds=1, limit=0)
    said = capsys.readouterr().out
    assert "python run.py dataset=mnist5k arch=mlp method=tropnnc scope=all" in said
    assert ": differs (within" in said
    assert f"narrowed by: {option} gives {theirs:.2f} (+0.00)" in said
    assert "options not tried: method.options.features=incoming (LIMIT is used up)" in said
    assert said.endswith("1 figures: 1 differs\n")


def test_an_option_that_fails_is_named_and_stops_nothing(
    here: Machine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    option = "method.options.n_init=2"
    monkeypatch.setitem(OPTIONS, "misiakos", (option,))
    compute = Cells.compute

    def fail(cells: Cells, cell: CellSettings) -> SummaryRow:
        if dict(cell.method.options)["n_init"] == 2:
            raise TropnncError("no such thing")
        return compute(cells, cell)

    monkeypatch.setattr(Cells, "compute", fail)
    (tmp_path / "x.csv").write_text("\n".join([HEADER, line("misiakos", "1.0"), ""]))
    check_paper(tmp_path / "x.csv", Cells(here, {}), seeds=1, limit=9)
    said = capsys.readouterr().out
    assert f"options not tried: {option} (no such thing)" in said
    assert said.endswith("1 figures: 1 differs\n")


def test_a_papers_row_that_cannot_be_mapped_stops_nothing(
    here: Machine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    right = f"{ours(FIGURE, here).ours.mean:.1f}"
    lines = [HEADER, line("CUP-SS", "1.0"), line("misiakos", right), ""]
    (tmp_path / "x.csv").write_text("\n".join(lines))
    check_paper(tmp_path / "x.csv", Cells(here, {}), seeds=1, limit=0)
    said = capsys.readouterr().out
    assert "not tried: method 'CUP-SS' is not at hand; accepted are" in said
    assert "2 figures: 1 not tried, 1 agrees" in said
