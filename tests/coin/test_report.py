"""The data track's report: from records, and again from the committed summary alone."""

from pathlib import Path

import numpy as np
import pytest

from experiments.coded_images.grids import experiments
from experiments.coded_images.points import Look, Point, Series, curves, original_of, points
from experiments.coded_images.report import report, report_verdicts
from experiments.coded_images.rows import TRACK, ImagesRow, Summary, read_summary
from experiments.coded_images.verdicts import extra_cost, prunings, rates, resampled
from experiments.report.csv_rows import write_rows
from tests.coin.cells import CELLS, COIN, swept
from tests.harness.cells import machine
from tropnnc import TropnncError


@pytest.mark.usefixtures("small_network")
def test_a_sweep_its_records_and_its_report_from_the_summary_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = machine(tmp_path)
    results, name = place.results_dir, "coded_mnist"
    swept(CELLS, place)
    assert "9 cells, 9 computed, 0 failed" in capsys.readouterr().out
    swept(CELLS, place)
    assert "9 cells, 0 computed, 0 failed" in capsys.readouterr().out
    text, _ = report(name, results)
    verdicts = report_verdicts([name], results, "")
    assert "COIN++ (reduced), one stream" in text
    assert "a file per image" in verdicts
    tables = sorted((results / "tables").glob("coded_*"))
    assert [path.name for path in tables if path.suffix == ".md"] == [
        "coded_mnist.md", "coded_mnist_pruning.md", "coded_verdicts.md",
    ]  # fmt: skip
    before = {path: path.read_bytes() for path in tables}
    for folder in ("runs", "tables", "figures"):
        (results / folder).rename(tmp_path / folder)
    assert TRACK.known(results, experiments(), "") == [name]
    assert report(name, results)[0] == text
    assert report_verdicts([name], results, "") == verdicts
    assert {path: path.read_bytes() for path in tables} == before
    for figure in (results / "figures").glob("*"):
        assert figure.read_bytes() == (tmp_path / "figures" / figure.name).read_bytes()
    with pytest.raises(TropnncError, match="run it first"):
        report("coded_cifar10", results)
    check_points(read_summary(results, name))
    write_rows(TRACK.summary_path(results, f"{name}_images"), ImagesRow, [])
    with pytest.raises(TropnncError, match=r"images\.csv: not the cells of coded_mnist\.csv"):
        report(name, results)


def check_points(summary: Summary) -> None:
    found = points(summary)
    original, per_image, sheet = found[0], found[1], found[3]
    assert original.is_lossless
    assert original.psnr == pytest.approx(10 * np.log10(255**2 * 784))  # none drops out of a mean
    assert original.payload == 8
    assert per_image.row.payload_bytes == per_image.sizes.sum()
    assert (len(per_image.sizes), len(sheet.sizes)) == (30, 1)
    assert sheet.payload < per_image.payload
    coin = next(point for point in found if point.row.codec == "coin")
    shared = 4 * COIN.shape.parameters + 4 * (2 + 32)
    assert coin.row.shared_bytes == shared
    assert coin.total(30) == pytest.approx(coin.payload + 8 * shared / (30 * 784))
    assert coin.total(60_000) < coin.total(30) / 10
    assert len(curves(found)) == 5
    assert Series("coin", "sheet", "steps=3") in curves(found)
    mse = coin.squared_errors / 784
    assert coin.psnr == pytest.approx(10 * np.log10(255**2 / mse))
    check_costs(found)
    assert original_of(found[::-1]) is original
    with pytest.raises(TropnncError, match="the originals are not among the codings"):
        original_of(found[1:])


def check_costs(found: list[Point]) -> None:
    dense, small = Look("mlp", "", 1.0), Look("mlp", "l1", 0.5)
    point, original = found[1], found[0]
    mean, low, high = extra_cost(point, original, small)
    expected = (point.accuracy(dense) - point.accuracy(small)) - (
        original.accuracy(dense) - original.accuracy(small)
    )
    assert mean == pytest.approx(expected)
    assert low <= mean <= high
    assert extra_cost(original, original, small) == (0, 0, 0)
    assert {verdict.verdict for verdict in (*rates(found), *prunings(found))} <= {
        "supported", "contradicted", "inconclusive",
    }  # fmt: skip


def test_resampled_images() -> None:
    counts = resampled(50, "test")
    assert (counts.sum(axis=1) == 50).all()
    assert np.array_equal(counts, resampled(50, "test"))
    assert counts.var() == pytest.approx(1, abs=0.1)
