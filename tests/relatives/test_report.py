"""Summaries, fronts, contrasts and verdicts of the relatives."""

from __future__ import annotations

from dataclasses import astuple, replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from baselines.rewriters.protocol import Bits
from experiments.manifest import experiment_records
from experiments.record import Record
from experiments.relatives import cells, contrasts, report
from experiments.relatives.contrasts import Contrast, ContrastRow, contrast_rows
from experiments.relatives.figures import bytes_figure, front, macs_figure
from experiments.relatives.grids import experiments
from experiments.relatives.rows import TRACK, FileRow, Row, row_of, smallest
from experiments.relatives.settings import Sharing
from experiments.relatives.tables import write_cells
from experiments.relatives.tracks import TRACKS
from experiments.relatives.verdicts import verdicts_of
from experiments.report.csv_rows import read_rows, write_rows
from experiments.report.statistics import sample
from experiments.track.sweep import run_cells
from tests.harness.cells import machine
from tests.relatives.cases import CWS, FOUR_BITS, NARROW, NM, SUITE, SVD, a_cell
from tropnnc import TropnncError

EXPERIMENT = "relatives_lenet300100"
ROW = ContrastRow("c", "better", "here", "before", None, "test images", 100, 1.0, 0.5, 1.5, 0.01)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny sweep."""
    folder = tmp_path_factory.mktemp("sweep")
    own = machine(folder)
    done = [
        a_cell(),
        a_cell(narrowing=NARROW, steps=2),
        a_cell(rewriting=SVD, steps=2),
        a_cell(rewriting=replace(FOUR_BITS, budget=Bits(6))),  # what a claim is about
        a_cell(sharing=CWS),
        a_cell(sharing=Sharing(50.0)),
        *(a_cell(rewriting=NM, steps=2, draw=draw) for draw in range(3)),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells, "suite_cell", lambda *_: SUITE)
        run = partial(cells.run_cell, machine=own)
        run_cells(EXPERIMENT, done, run, cells.runs_dir(own), cells.found)
    return own.results_dir


def test_a_report_from_records_and_again_from_the_summary_alone(results: Path) -> None:
    text, paths = report.report(EXPERIMENT, results)
    verdicts = report.report_verdicts(results, "")
    rows = TRACK.read_summary(results, EXPERIMENT, Row)
    files = TRACK.read_summary(results, f"{EXPERIMENT}_files", FileRow)
    assert len(rows) == 9
    assert all(
        row.bytes
        == min(f.bytes for f in files if (f.identity, f.stage) == (row.identity, "before"))
        for row in rows
    )
    assert {path.suffix for path in paths} == {".csv", ".png", ".svg"}
    made = {path: path.read_bytes() for path in results.rglob("*.*") if "runs" not in path.parts}
    (results / "runs").rename(results.parent / "runs")
    try:
        assert report.report(EXPERIMENT, results)[0] == text
        assert report.report_verdicts(results, "") == verdicts
        assert {path: path.read_bytes() for path in made} == made
        assert TRACK.known(results, experiments(), "") == [EXPERIMENT]
    finally:
        (results.parent / "runs").rename(results / "runs")


def records_of(results: Path) -> list[Record]:
    found = experiment_records(results / "runs" / "relatives", EXPERIMENT)
    assert found is not None
    return found


def test_contrasts_of_experiments_that_are_not_on_this_disk_stay(
    results: Path, tmp_path: Path
) -> None:
    """A trap: a sweep of one network would judge the claims of all by that one alone."""
    elsewhere = report._contrasts_path(tmp_path, "relatives_vgg")
    write_rows(elsewhere, ContrastRow, [astuple(replace(ROW, claim="M-bit", place="elsewhere"))])
    [mine] = report._write_contrasts(tmp_path, EXPERIMENT, records_of(results))
    assert [row.claim for row in read_rows(mine, ContrastRow)] == ["M-bit"]
    both = report.report_verdicts(tmp_path, "")
    elsewhere.unlink()
    alone = report.report_verdicts(tmp_path, "")
    assert "| elsewhere " in both
    assert "| elsewhere " not in alone


def test_what_saves_no_multiply_add_is_storage_only(results: Path, tmp_path: Path) -> None:
    rows = [row_of(record) for record in records_of(results)]
    lines = write_cells(rows, tmp_path, EXPERIMENT).splitlines()
    only = {line.split("|")[2].strip() for line in lines if line[0] == "|" and "storage on" in line}
    assert only == {"M-bit", "N:M", "pruned, shared values"}
    nothing = [row for row in rows if row.track in ("dense", "M-bit")]
    axis, *_ = macs_figure(nothing).axes
    assert axis.get_legend_handles_labels()[1] == ["dense"]


def test_a_family_below_the_axes_is_named_and_not_drawn(results: Path) -> None:
    rows = [row_of(record) for record in records_of(results)]
    lost = [replace(r, correct=0, trained_correct=0) if r.track == "N:M" else r for r in rows]
    axes = bytes_figure(lost).axes
    assert axes[-1].get_xlabel().endswith("(below the axes: N:M)")
    assert not any("N:M" in axis.get_legend_handles_labels()[1] for axis in axes)


def test_contrasts_over_draws_and_over_images(results: Path) -> None:
    records = records_of(results)
    images = Contrast(
        "c", "s", EXPERIMENT, {"rewriter": "bits"}, {"track": "dense"}, "before", by=()
    )
    [row] = contrast_rows(images, records)
    rows = {row.track: row for row in TRACK.read_summary(results, EXPERIMENT, Row)}
    gap = rows["M-bit"].accuracy("before") - rows["dense"].accuracy("before")
    assert (row.unit, row.n) == ("test images", 200)
    assert row.difference == pytest.approx(gap)
    assert row.low <= row.difference <= row.high
    itself = replace(images, ours={"rewriter": "nm"}, theirs={"rewriter": "nm"}, stage="after")
    [row] = contrast_rows(replace(itself, by=("network", "budget")), records)
    assert (row.unit, row.n, row.difference, row.p) == ("draws of the training", 3, 0.0, 1.0)
    assert not contrast_rows(replace(images, theirs={"track": "no"}), records)


def test_verdicts_by_their_rules() -> None:
    def of(**changes: float | None) -> str:
        return verdicts_of([replace(ROW, **changes)])[0].verdict

    assert of() == "supported"
    assert of(low=-0.1, p=0.06) == "inconclusive"
    assert of(low=-2.0, high=-0.5) == "contradicted"
    assert of(margin=0.5, low=-0.4) == "supported"
    assert of(margin=0.5, low=-0.6, p=0.04) == "inconclusive"
    assert of(margin=0.5, low=-2.0, high=-0.6, p=1.0) == "contradicted"
    # Both directions are corrected: of three places that are worse alone none is.
    worse = replace(ROW, margin=0.5, low=-2.0, high=-0.6, p=0.98)
    assert verdicts_of([worse])[0].verdict == "contradicted"
    beside = [worse, replace(worse, p=0.5), replace(worse, p=0.4)]
    assert verdicts_of(beside)[0].verdict == "inconclusive"
    # Holm: what is certain alone is not among three of a claim; another claim does not count.
    three = [replace(ROW, p=0.03), replace(ROW, p=0.04), replace(ROW, p=0.5)]
    assert [v.verdict for v in verdicts_of(three)] == ["inconclusive"] * 3
    assert verdicts_of([replace(ROW, p=0.03), replace(ROW, claim="d", p=0.9)])[0].verdict == (
        "supported"
    )


@given(
    st.lists(st.tuples(st.floats(1, 1e6), st.floats(0, 100)), min_size=1, max_size=12, unique=True)
)
@settings(max_examples=25, deadline=None)
def test_the_front_beats_everything(points: list[tuple[float, float]]) -> None:
    best = front([(cost, sample([accuracy])) for cost, accuracy in points])
    costs, means = [cost for cost, _ in best], [found.mean for _, found in best]
    assert costs == sorted(set(costs))
    assert means == sorted(set(means))
    for cost, accuracy in points:
        assert any(c <= cost and m >= accuracy for c, m in zip(costs, means, strict=True))


def test_the_smallest_file() -> None:
    assert smallest({"fp32": 9, "ham": 4, "best": 4}) == ("ham", 4)


def test_nothing_to_judge(tmp_path: Path) -> None:
    with pytest.raises(TropnncError, match=r"NAME_contrasts\.csv to judge"):
        report.report_verdicts(tmp_path, "")
    assert not TRACK.known(tmp_path, experiments(), "")
    assert len(TRACKS) <= 15  # more cannot be told apart in one figure
    assert contrasts._resampled(50) is contrasts._resampled(50)
