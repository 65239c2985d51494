"""The NTK-LC experiments: cells, records, rows, curves, verdicts."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.console import CellsFailed
from experiments.identity import digest
from experiments.ntk import accuracy, cells, data, sweep
from experiments.ntk.accuracy import measure_accuracy
from experiments.ntk.curves import Factor, bootstrap, equal_accuracy, points
from experiments.ntk.data import Part, Vectors
from experiments.ntk.grids import experiments, read_experiment
from experiments.ntk.mlp import equal_width, parameters
from experiments.ntk.networks import draw_network
from experiments.ntk.published import read_published
from experiments.ntk.report import report, report_verdicts
from experiments.ntk.rows import AccuracyRow, SpectrumRow, accuracy_row, read_summary
from experiments.ntk.settings import AccuracyCell, Cell, Method, SpectrumCell
from experiments.ntk.spectrum import _compare, measure_spectrum
from experiments.ntk.verdicts import asymptotics, memory_factors, non_inferiority, welch
from experiments.report.statistics import sample
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
    rows = read_summary(results, "ntk_mnist", AccuracyRow)
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


def a_row(method: str, draw: int, correct: int, weights: int, widths: str = "5x5") -> AccuracyRow:
    sparsity = 0.9 if method == "ntk_lc" else 0.0
    nonzeros = weights // 10 if method == "ntk_lc" else weights
    return AccuracyRow(
        "mnist",
        method,
        sparsity,
        widths,
        draw,
        "ridge",
        60,
        10,
        1000,
        correct,
        10,
        5,
        weights,
        nonzeros,
        1.0,
        0.0,
        1.0,
        "",
        f"{method}{draw}",
        1.0,
    )


def test_equal_accuracy_by_hand() -> None:
    curve = [(100.0, 80.0), (300.0, 79.0), (10_000.0, 90.0)]
    # Half way from 80 to 90, in the logarithm: √(100·10,000); the worse network is not used.
    between = equal_accuracy(85.0, 10.0, curve)
    assert (between.value, between.side) == (pytest.approx(100.0), "=")
    assert equal_accuracy(70.0, 10.0, curve) == Factor(10.0, "≤")
    assert equal_accuracy(95.0, 10.0, curve) == Factor(1000.0, "≥")


def test_same_width_verdicts() -> None:
    original = [a_row("original", draw, 900 + draw, 1000) for draw in range(5)]
    for lost, verdict in ((0, "supported"), (50, "contradicted"), (5, "inconclusive")):
        ternary = [a_row("ntk_lc", draw, 900 + draw - lost, 1000) for draw in range(5)]
        [found] = non_inferiority([*original, *ternary])
        assert found.verdict == verdict


@given(st.lists(st.floats(80, 99), min_size=3, max_size=5), st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_interval_of_a_difference_is_welchs(first: list[float], seed: int) -> None:
    first[0] += 0.5
    second = np.random.default_rng(seed).normal(90, 1, 5)
    difference, reach = welch(sample(first), sample(second))
    theirs = stats.ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert (difference - reach, difference + reach) == pytest.approx((theirs.low, theirs.high))
    assert welch(sample([90.0] * 3), sample([89.0] * 5)) == (1.0, 0.0)
    assert welch(sample([90.0]), sample([89.0] * 5)) == (1.0, np.inf)


def test_factor_verdicts() -> None:
    """The original of a thousandth of the weights is as accurate: the factor is 32/.2/1000."""
    originals = [
        a_row("original", draw, correct + draw, weights, widths)
        for draw in range(5)
        for weights, correct, widths in ((10**4, 880, "1x1"), (10**7, 950, "5x5"))
    ]
    ternary = [a_row("ntk_lc", draw, 880 + draw, 10**7) for draw in range(5)]
    verdicts = memory_factors([*originals, *ternary])
    assert [each.verdict for each in verdicts] == ["contradicted"] * 5
    # As accurate as the large one, and nearly all of its bits are hidden weights: 32/.2 times.
    equal = [a_row("ntk_lc", draw, 950 + draw, 10**7) for draw in range(5)]
    nominal = memory_factors([*originals, *equal])[0]
    assert float(nominal.found.split()[0]) == pytest.approx(160, rel=0.02)
    # In half of the resamples no original measured is as accurate: a larger one may need more.
    assert nominal.interval.endswith("to ∞")
    assert nominal.verdict == "inconclusive"
    with_larger = [*originals, *(a_row("original", d, 970, 10**8, "9x9") for d in range(5))]
    assert memory_factors([*with_larger, *equal])[0].verdict == "contradicted"
    seed = memory_factors([*originals, *equal])[3]
    assert float(seed.found.split()[0]) == pytest.approx(1, rel=0.2)


def test_asymptotic_verdicts() -> None:
    def rows(plateau: float) -> list[SpectrumRow]:
        rng = np.random.default_rng(0)
        return [
            SpectrumRow(
                n,
                4 * n,
                draw,
                "conjugate",
                "ntk_lc",
                1.0,
                (n**-0.5 + plateau) * float(np.exp(rng.normal() / 100)),
                1.0,
                0.4,
                "",
            )
            for draw in range(5)
            for n in (250, 500, 1000, 2000, 4000)
        ]

    assert asymptotics(rows(0.0))[0].verdict == "supported"
    assert asymptotics(rows(3.0))[0].verdict == "contradicted"


def test_bootstrap_of_a_constant() -> None:
    rng = np.random.default_rng(0)
    groups = [[3.0] * 5, [1.0] * 4]

    def ends(side: str) -> tuple[float, float]:
        return bootstrap(lambda means: Factor(means[0] - means[1], side), groups, rng)

    assert ends("=") == (2, 2)
    assert ends("≤") == (0, 2)  # the smallest network measured is more accurate already
    assert ends("≥") == (2, np.inf)


def test_published_points() -> None:
    found = read_published(ROOT / "results")
    assert len(found) == 75
    largest = [p for p in found if (p.data, p.widths) == ("mnist", "20000x20000x11000")]
    assert {p.method: p.accuracy for p in largest}["NTK-LC eps=.9"] == 91.7
    # ntk_lc.md 1.5: what the headline needs: 4.98e9 bits at .872 against 8.08e6 at .868.
    by_bits = {p.bits: p.accuracy for p in found}
    assert (by_bits[4.98e9], by_bits[8.08e6]) == (87.2, 86.8)


def test_points_are_ordered_by_size() -> None:
    rows = [a_row("original", d, 900, w, str(w)) for d in range(2) for w in (9, 1000, 50)]
    assert [point.widths for point in points(rows)] == ["9", "50", "1000"]
    record = {"config": {**A_CELL.determinants()}, "identity": "x", "bits": ""}
    record |= {"train_images": 1, "classes": 2, "total": 4, "correct": 3, "weights": 9}
    record |= {"validation_total": 1, "validation": 1, "nonzeros": 3, "timing": {"s": 1.0}}
    assert accuracy_row(record).accuracy == 75.0
