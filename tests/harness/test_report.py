"""Reports: arithmetic, what is bold, golden tables, and the committed CSV as the only source."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from omegaconf import OmegaConf

from experiments.cell import run_cell
from experiments.manifest import write_manifest
from experiments.record import read_record, write_record
from experiments.report.__main__ import report
from experiments.report.figure import MOST_CURVES, figures
from experiments.report.options import parse_options, with_options
from experiments.report.render import to_latex, to_markdown, to_text
from experiments.report.rows import summary_row
from experiments.report.statistics import accuracy, dense_accuracy, sample
from experiments.report.style import save
from experiments.report.summary import SummaryRow, parse_settings, read_summary, write_summary
from experiments.report.tables import blocks
from experiments.report.variants import variants
from tests.harness.cells import ROOT, a_cell, machine
from tropnnc import TropnncError

FIXTURES = Path(__file__).parent / "fixtures"
ROWS = read_summary(FIXTURES / "tiny.csv")


def of(method: str, ratio: float) -> list[SummaryRow]:
    place = ("lenet_a", method, ratio)
    return [row for row in ROWS if (row.arch, row.method, row.ratio) == place]


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


def test_a_skipped_cell_has_a_row_without_numbers_and_no_place_in_the_table(
    tmp_path: Path,
) -> None:
    skipped = replace(ROWS[0], status="skipped", correct=0, total=0, identity="skipped")
    write_summary([*ROWS, skipped], tmp_path / "x.csv")
    assert ",skipped,,,,,,,,,,," in (tmp_path / "x.csv").read_text()
    assert to_text(blocks(read_summary(tmp_path / "x.csv"))) == to_text(blocks(ROWS))


def test_the_csv_survives_a_round_trip_byte_for_byte(tmp_path: Path) -> None:
    write_summary(ROWS, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (FIXTURES / "tiny.csv").read_bytes()


def test_a_csv_from_before_memory_was_measured_is_read(tmp_path: Path) -> None:
    lines = (FIXTURES / "tiny.csv").read_text().splitlines()
    assert ROWS[0].peak_rss == 734003200
    before = [replace(row, peak_rss=None) for row in ROWS]
    for columns, expected in ((1, ROWS), (2, ROWS), (3, before)):
        texts = [x.rsplit(",", columns)[0] for x in lines]
        (tmp_path / "old.csv").write_text("\n".join([*texts, ""]))
        assert read_summary(tmp_path / "old.csv") == expected


def test_a_csv_with_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("dataset,method\nmnist5k,l1\n")
    with pytest.raises(TropnncError, match="accepted are the columns dataset, arch"):
        read_summary(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",weights,", ",wishes,", "line 2: unknown needs 'wishes'; accepted are weights"),
        (",done,", ",odd,", "line 2: unknown status 'odd'; accepted are done, skipped"),
        (",done,1000,", ",done,many,", "line 2: invalid literal"),
        (",done,1000,", ",done,", "line 2: it has another number of entries"),
    ],
)
def test_an_edited_csv_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (FIXTURES / "tiny.csv").read_text()
    assert old in text.splitlines()[1]
    (tmp_path / "x.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(TropnncError, match=message):
        read_summary(tmp_path / "x.csv")


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


def tuned(row: SummaryRow) -> SummaryRow:
    """Two points better after an epoch, three after ten; re-calibration takes one away."""
    first, last, less = (row.correct + row.total * points // 100 for points in (2, 3, -1))
    return replace(
        row,
        recalibrated_dense_correct=row.dense_correct - row.total // 50,
        recalibrated_correct=less,
        finetuned_correct=last,
        curve=f"1={first} 10={last}",
    )


def test_before_and_after_are_columns_and_the_gain_is_computed() -> None:
    [block, _] = blocks([tuned(row) for row in ROWS])
    assert block.headings[:4] == ("0.5", "0.5 re-calibrated", "0.5 fine-tuned", "0.5 gain")
    lines = {line.method: line for line in block.lines}
    before, recalibrated, finetuned, gained = lines["l1"].cells[:4]
    means = [float(text.split()[0]) for text in (before, recalibrated, finetuned)]
    assert means[1] - means[0] == pytest.approx(-1.0, abs=0.11)
    assert means[2] - means[0] == pytest.approx(3.0, abs=0.11)
    assert gained == "+3.0 ± 0.0"
    assert lines["dense"].cells[:4] == ("96.2 ± 0.2", "94.2 ± 0.2", "", "")
    assert not any(line.best[3] for line in block.lines)


def test_rows_without_a_stage_take_its_column_away() -> None:
    [block, _] = blocks([tuned(ROWS[0]), *ROWS[1:]])
    assert block.headings == ("0.5", "0.1")


def test_the_curve_is_drawn_from_epoch_zero_on() -> None:
    rows = [tuned(row) for row in ROWS if row.ratio == 0.1]
    [(suffix, figure)] = figures(rows).items()
    assert suffix == "_curve"
    line = next(line for line in figure.axes[0].get_lines() if line.get_label() == "l1")
    before = accuracy([row for row in rows if (row.arch, row.method) == ("lenet_a", "l1")]).mean
    xs, ys = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert xs.tolist() == [0, 1, 10]
    assert ys == pytest.approx([before, before + 2, before + 3])


def test_every_ratio_has_a_panel_of_its_own_curves() -> None:
    rows = [tuned(row) for row in ROWS if row.arch == "lenet_a"]
    axes = [axis for axis in figures(rows)["_curve"].axes if axis.get_visible()]
    labels = [axis.get_xlabel().rpartition(" ")[2] for axis in axes]
    assert labels == ["0.5", "0.1"]
    for axis, ratio in zip(axes, labels, strict=True):
        [line] = [line for line in axis.get_lines() if line.get_label() == "l1"]
        own = [row for row in rows if row.method == "l1" and row.ratio == float(ratio)]
        assert np.asarray(line.get_ydata())[0] == pytest.approx(accuracy(own).mean)


def test_a_curve_survives_the_csv(tmp_path: Path) -> None:
    rows = [tuned(row) for row in ROWS]
    write_summary(rows, tmp_path / "x.csv")
    assert read_summary(tmp_path / "x.csv") == rows
