"""The NTK-LC experiments: grids, cells, records, reports."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.console import CellsFailed
from experiments.identity import digest
from experiments.ntk import accuracy, cells, data, sweep
from experiments.ntk.accuracy import measure_accuracy
from experiments.ntk.data import Part, Vectors
from experiments.ntk.grids import experiments, read_experiment
from experiments.ntk.mlp import equal_width, parameters
from experiments.ntk.networks import draw_network
from experiments.ntk.report import report, report_verdicts
from experiments.ntk.rows import TRACK, AccuracyRow
from experiments.ntk.settings import AccuracyCell, Cell, Method, SpectrumCell
from experiments.ntk.spectrum import _compare, measure_spectrum
from experiments.settings import Machine
from tests.harness.cells import ROOT
from tropnnc import TropnncError

# Draws × (methods with their sparsities) × widths, summed over data sets.
CELLS = {
    "ntk_mnist": 5 * 11 * 6,
    "ntk_subsets": 5 * (11 * 4 + 3) * 3,
    "ntk_cifar": 5 * (11 * 5 + 3),
    "ntk_logistic": 3 * 6 * 2,
    "ntk_spectrum": 5 * 5,
}
A_CELL = AccuracyCell("mnist", "ntk_lc", 0.9, (40, 30, 20), 0, "ridge", 60)
A_SPECTRUM = SpectrumCell(60, 240, 2, 0.9, 0, finite=True, histogram=True)


def vectors() -> Vectors:
    """Two classes apart by their means; the mean squared norm is about 1."""
    rng = np.random.default_rng(0)

    def part(count: int) -> Part:
        labels = np.arange(count) % 2
        x = rng.normal(size=(count, 12)) / 12**0.5 + 0.3 * (2 * labels[:, None] - 1) / 12**0.5
        return Part(torch.from_numpy(x).float(), labels)

    return Vectors(part(60), part(40), part(50), classes=2)


def a_machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "data", tmp_path / "results", "cpu")


def test_every_experiment_is_a_grid_of_cells() -> None:
    for name in experiments():
        found, _ = read_experiment(name)
        assert len(found) == CELLS.get(name, len(found)) > 0
        assert len({digest(cell.determinants()) for cell in found}) == len(found)
    with pytest.raises(TropnncError, match="accepted are ntk_cifar"):
        read_experiment("ntk")


def test_identities_of_cells_do_not_move() -> None:
    """Golden: another value orphans every record of an earlier version."""
    assert digest(A_CELL.determinants())[:12] == "60b187047617"
    assert digest(A_SPECTRUM.determinants())[:12] == "c17131c47814"


def test_bad_cells() -> None:
    with pytest.raises(TropnncError, match="unknown method 'dense'"):
        replace(A_CELL, method="dense")
    with pytest.raises(TropnncError, match="positive widths"):
        replace(A_CELL, widths=(0,))


@pytest.mark.parametrize(
    ("method", "sparsity"),
    [
        ("original", 0.0),
        ("ntk_lc", 0.9),
        ("zeroing", 0.8),
        ("magnitude", 0.9),
        ("naive_binary", 0.0),
        ("trained_mlp", 0.9),
    ],
)
def test_a_cell_learns_and_is_the_same_again(method: Method, sparsity: float) -> None:
    cell = replace(A_CELL, method=method, sparsity=sparsity, widths=(300, 200, 100))
    one, again = (measure_accuracy(cell, vectors()) for _ in range(2))
    assert {**one, "timing": None} == {**again, "timing": None}
    assert one["total"] == 50
    if method != "naive_binary":  # hands on next to nothing
        assert one["correct"] > 0.55 * one["total"]


def test_the_shift_is_folded_in() -> None:
    drawn = draw_network(A_CELL, 12)
    assert drawn.reference == pytest.approx(0.19899, abs=1e-5)  # three ReLU layers
    assert drawn.network.tau**2 - drawn.shift == pytest.approx(drawn.reference**2)
    assert draw_network(replace(A_CELL, method="original"), 12).shift == 0


def test_methods_of_a_draw_and_draws_of_a_method() -> None:
    x = vectors().test.x
    one = draw_network(replace(A_CELL, method="original"), 12).network(x)
    assert not torch.equal(
        one, draw_network(replace(A_CELL, method="original", draw=1), 12).network(x)
    )


@given(widths=st.lists(st.integers(5, 400), min_size=1, max_size=3), sparsity=st.floats(0, 0.95))
@settings(max_examples=30, deadline=None)
def test_the_mlp_has_no_more_storage(widths: list[int], sparsity: float) -> None:
    cell = replace(A_CELL, widths=tuple(widths), sparsity=sparsity)
    width = equal_width(cell, 50, 10)
    weights = sum(a * b for a, b in pairwise((50, *widths)))
    bits = 2 * round((1 - sparsity) * weights) + 32 * (10 * (widths[-1] + 1) + 4 * len(widths))
    depth = len(widths)
    assert width == 1 or 32 * parameters(50, width, depth, 10) <= bits
    assert 32 * parameters(50, width + 1, depth, 10) > bits


def test_parameters_of_a_small_mlp() -> None:
    assert parameters(784, 3, 2, 10) == 784 * 3 + 3 + 9 + 3 + 30 + 10


def test_vectors_are_standardised_by_the_training_part() -> None:
    parts = [(torch.randn(50, 6) * 3 + 2, torch.zeros(50, dtype=torch.int64)) for _ in range(3)]
    found = data._standardised(parts, 10)
    assert found.train.x.mean(dim=0).abs().max() < 1e-6
    assert float(found.train.x.square().sum(dim=1).mean()) == pytest.approx(1)
    assert abs(float(found.test.x.square().sum(dim=1).mean()) - 1) > 1e-4


def test_records_are_found_again_and_failures_are_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = a_machine(tmp_path)
    calls: list[Cell] = []

    def measure(cell: AccuracyCell, found: Vectors) -> dict:
        calls.append(cell)
        if cell.draw == 1 and len(calls) < 3:
            raise RuntimeError("this draw fails once")
        return accuracy.measure_accuracy(cell, found)

    monkeypatch.setattr(cells, "load_vectors", lambda *_: vectors())
    monkeypatch.setattr(cells, "measure_accuracy", measure)
    both = [replace(A_CELL, draw=draw) for draw in (0, 1)]
    with pytest.raises(CellsFailed):
        sweep.run_experiment("ntk_mnist", both, machine)
    assert "failed: mnist ntk_lc ε=0.9 40×30×20 draw=1" in capsys.readouterr().out
    sweep.run_experiment("ntk_mnist", both, machine)
    assert len(calls) == 3
    sweep.run_experiment("ntk_mnist", both, machine)
    assert len(calls) == 3
    assert "2 cells, 0 computed, 0 failed" in capsys.readouterr().out


def test_a_report_from_records_and_again_from_the_summary_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = a_machine(tmp_path)
    monkeypatch.setattr(cells, "load_vectors", lambda *_: vectors())
    found = [
        replace(A_CELL, method=method, sparsity=sparsity, draw=draw, widths=widths)
        for draw in range(2)
        for widths in ((30, 20), (60, 40))
        for method, sparsity in (("original", 0.0), ("ntk_lc", 0.9))
    ]
    results = machine.results_dir
    (results / "published").mkdir(parents=True)
    theirs = ROOT / "results" / "published" / "ntk_lc.csv"
    (results / "published" / "ntk_lc.csv").write_bytes(theirs.read_bytes())
    sweep.run_experiment("ntk_mnist", found, machine)
    sweep.run_experiment(
        "ntk_spectrum", [A_SPECTRUM, replace(A_SPECTRUM, n=80, dimension=320)], machine
    )
    texts = [report(name, results)[0] for name in ("ntk_mnist", "ntk_spectrum")]
    rows = TRACK.read_summary(results, "ntk_mnist", AccuracyRow)
    assert len(rows) == 8
    assert rows[0].bits()["nominal"] == 2 * rows[0].nonzeros * 16 + 32 * (2 * 21)
    tables = sorted((results / "tables").glob("*"))
    before = {path: path.read_bytes() for path in tables}
    for folder in ("runs", "tables", "figures"):
        (results / folder).rename(tmp_path / folder)
    assert [report(name, results)[0] for name in ("ntk_mnist", "ntk_spectrum")] == texts
    assert {path: path.read_bytes() for path in tables} == before
    assert "at equal widths" in report_verdicts(results, "")
    for figure in (results / "figures").glob("*"):
        assert figure.read_bytes() == (tmp_path / "figures" / figure.name).read_bytes()


def test_spectrum_cell() -> None:
    body = measure_spectrum(A_SPECTRUM)
    found = body["conjugate"]
    # Removing the known shift of the diagonal is what brings the kernels together.
    assert found["ntk_lc_error"] < 0.5 * found["ntk_lc_raw"]
    assert found["ntk_lc_raw"] * found["norm"] == pytest.approx(body["shift"], rel=0.5)
    same = _compare({"original": np.diag([3.0, 2, 1]), "other": np.diag([5.0, 4, 3])}, 0.0)
    assert same == pytest.approx(
        {"norm": 3, "other_raw": 2 / 3, "other_error": 2 / 3, "other_alignment": 1}
    )
    shares = body["histograms"]["conjugate"]["shares"]
    assert set(shares) == {"original", "ntk_lc", "theory"}
    assert all(0.5 < sum(share) <= 1 for share in shares.values())
