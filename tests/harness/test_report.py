"""Reports: arithmetic, what is bold, golden tables, and the committed CSV as the only source."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.cell import run_cell
from experiments.manifest import write_manifest
from experiments.record import read_record, write_record
from experiments.report.__main__ import report
from experiments.report.figure import figures
from experiments.report.render import to_latex, to_markdown, to_text
from experiments.report.rows import summary_row
from experiments.report.statistics import accuracy, dense_accuracy, sample
from experiments.report.style import save
from experiments.report.summary import SummaryRow, read_summary, write_summary
from experiments.report.tables import blocks
from experiments.report.variants import variants
from tests.harness.cells import a_cell, machine
from tests.harness.summaries import FIXTURES, ROWS, of
from tropnnc import TropnncError


def test_mean_and_standard_deviation() -> None:
    three = sample([1.0, 2.0, 6.0])
    assert (three.mean, three.n) == (3.0, 3)
    assert three.sd == pytest.approx(7**0.5)
    assert three.text == "3.0 ± 2.6"
    assert sample([2.5]).text == "2.5†"
    assert sample([2.0, 4.0]).text == "3.0 ± 1.4†"


def test_cells_on_one_network_are_averaged_before_networks_are() -> None:
    first, second = of("l1", 0.5)[:2]
    again = replace(first, correct=first.correct + 30, identity="again")
    result = accuracy([first, again, second])
    by_network = [(first.correct + 15) / first.total, second.correct / second.total]
    assert result.n == 2
    assert result.mean == pytest.approx(100 * sum(by_network) / 2)


def test_dense_accuracy_counts_each_network_once() -> None:
    rows = of("l1", 0.5) + of("thinet", 0.5) + of("l1", 0.1)
    assert dense_accuracy(rows).text == dense_accuracy(of("l1", 0.5)).text == "96.2 ± 0.2"


@pytest.mark.parametrize(
    ("render", "golden"),
    [(to_markdown, "tiny.md"), (to_latex, "tiny.tex"), (to_text, "tiny.txt")],
)
def test_golden_tables(render: object, golden: str) -> None:
    assert callable(render)
    assert render(blocks(ROWS)) == (FIXTURES / golden).read_text()


def test_the_best_is_chosen_within_its_tier_and_ties_share() -> None:
    [block, _] = blocks(ROWS)
    bold = {
        (line.method, ratio)
        for line in block.lines
        for ratio, best in zip(block.headings, line.best, strict=True)
        if best
    }
    assert bold == {
        *(("l1", "0.5"), ("tropnnc", "0.5"), ("tropnnc", "0.1")),
        *(("thinet", "0.5"), ("thinet", "0.1")),
    }


def test_figures_are_the_same_bytes_again(tmp_path: Path) -> None:
    first, second = (
        [path.read_bytes() for path in save(figures(ROWS)[""], tmp_path / name)]
        for name in ("first", "second")
    )
    assert first == second


def test_a_fresh_clone_reports_from_the_csv_alone(tmp_path: Path) -> None:
    write_summary(ROWS, tmp_path / "summary" / "tiny.csv")
    _, written = report("tiny", tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in written] == [
        *("summary/tiny.csv", "tables/tiny.md", "tables/tiny.tex"),
        *("figures/tiny.png", "figures/tiny.svg"),
    ]
    assert (tmp_path / "tables" / "tiny.md").read_text() == (FIXTURES / "tiny.md").read_text()


def test_records_become_the_csv_and_a_missing_one_is_named(tmp_path: Path) -> None:
    here = machine(tmp_path)
    outcomes = [run_cell(a_cell("l1", ratio=ratio), here) for ratio in (0.5, 0.25)]
    identities = [outcome.record["identity"] for outcome in outcomes if outcome.record]
    write_manifest(here.runs_dir, "two", identities)
    report("two", here.results_dir)
    rows = read_summary(here.results_dir / "summary" / "two.csv")
    assert [row.identity for row in rows] == identities
    record = read_record(here.runs_dir, identities[0])
    assert record is not None
    assert replace(summary_row(record), output_error=0.0) == replace(rows[0], output_error=0.0)
    write_record(here.runs_dir, {**record, "status": "failed"})
    with pytest.raises(TropnncError, match=r"1 of 2 cells of two are missing.*experiment=two"):
        report("two", here.results_dir)


def test_nothing_to_report(tmp_path: Path) -> None:
    with pytest.raises(TropnncError, match="no experiment 'nonsense'"):
        report("nonsense", tmp_path)


def scoped(row: SummaryRow, scope: str) -> SummaryRow:
    settings = row.settings.replace("scope=all", f"scope={scope}")
    return replace(row, settings=settings, identity=f"{row.identity} {scope}")


def test_every_scope_has_a_block_and_a_panel_of_its_own() -> None:
    rows = [*ROWS, *(scoped(row, "linear") for row in ROWS if row.arch == "lenet_a")]
    titles = [block.title.split(":")[0] for block in blocks(rows)]
    assert titles == ["digits, lenet_a", "digits, lenet_a, scope linear", "digits, lenet_b"]
    assert not any("scope" in name for name in variants(rows).values())
    axes = figures(rows)[""].axes
    assert [axis.get_title(loc="left") for axis in axes if axis.get_visible()] == titles
    assert len(axes) == 4


def test_long_titles_leave_the_networks_options_to_a_second_line() -> None:
    arch = "smyrnis_conv(channels=32,hidden=1000)"
    rows = [replace(row, arch=arch) for row in ROWS if row.arch == "lenet_a"]
    titles = figures([*rows, *(scoped(row, "linear") for row in rows)])[""].axes
    assert [axis.get_title(loc="left") for axis in titles] == [
        "digits, smyrnis_conv\nchannels=32, hidden=1000",
        "digits, smyrnis_conv, scope linear\nchannels=32, hidden=1000",
    ]
