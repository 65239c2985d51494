"""Tables of the geometry experiments: arithmetic on rows whose answer is known."""

import sys
from dataclasses import replace
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from experiments.geometry.__main__ import main
from experiments.geometry.bounds import looseness, ordering
from experiments.geometry.effects import write_effects
from experiments.geometry.order import lower_share, rank_correlation, spearman
from experiments.geometry.rows import NETWORK, BoundRow
from experiments.geometry.spread import frame, read_spreads, spreads
from experiments.geometry.transplant import write_transplant
from experiments.report.contrasts import pairs
from experiments.report.summary import SummaryRow, write_summary
from tests.harness.summaries import ROWS

ROW = replace(ROWS[0], method="tropnnc", correct=900)
TROPNNC = "scope=all order={order} allocator=uniform calibration=1024 features={features}"
PLAIN = BoundRow(
    dataset="mnist", arch="a", method="l1", needs="weights", ratio=0.5, seed=0, unit="ip1",
    images=10, radius=1.0, bound=30.0, largest_l2=3.0, mean_l2=1.0, outputs=4, b1_lower=40.0,
    b1_upper=50.0, largest_l1=5.0, mean_l1=2.0, identity="x",
)  # fmt: skip


def ablation() -> list[SummaryRow]:
    """Features cost 20 points (10 on the second network), order 2; at half the ratio the same."""
    rows = []
    for seed in (0, 1):
        for ratio in (0.5, 0.25):
            for features, order in (
                *(("path", "sequential"), ("path", "original")),
                *(("direction", "sequential"), ("direction", "original")),
            ):
                lost = (200 - 100 * seed) * (features != "path") + 20 * (order != "sequential")
                rows.append(
                    replace(
                        ROW,
                        settings=TROPNNC.format(order=order, features=features),
                        ratio=ratio,
                        seed=seed,
                        checkpoint=f"network {seed}",
                        correct=900 - lost,
                        output_error=0.1 * (10 if features != "path" else 1),
                        identity=f"{features} {order} {ratio} {seed}",
                    )
                )
    return rows


def test_main_effects_are_paired_and_over_networks(tmp_path: Path) -> None:
    own = pairs(ablation(), "features", "direction", "path")
    assert len(own) == 8
    assert {pair.accuracy for pair in own} == {-20.0, -10.0}
    assert {round(pair.error, 9) for pair in own} == {1.0}
    write_summary(ablation(), tmp_path / "summary" / "x.csv")
    write_effects("x", tmp_path)
    text = (tmp_path / "tables" / "x_effects.md").read_text()
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    place = "digits, lenet_a"
    first, second = "-15.0 ± 7.1†", "-2.0 ± 0.0†"
    assert lines[2:] == [
        [place, "features", "direction, not path", *[first] * 3, "+1.000 ± 0.000†", "8"],
        [place, "order", "original, not sequential", *[second] * 3, "+0.000 ± 0.000†", "8"],
    ]


def test_a_cell_without_its_partner_is_left_out() -> None:
    rows = [row for row in ablation() if row.identity != "path original 0.5 1"]
    assert len(pairs(rows, "features", "direction", "path")) == 7
    assert len(pairs(rows, "order", "original", "sequential")) == 7


def test_spread_over_rescalings(tmp_path: Path) -> None:
    settings = "scope=all allocator=uniform"
    rows = [
        replace(
            ROW,
            settings=settings + (f" rescaling={seed}" if seed else ""),
            correct=correct,
            checkpoint=f"weights {seed}",
            identity=f"r{seed}",
        )
        for seed, correct in enumerate((950, 900, 800, 700))
    ]
    [line] = frame(spreads(rows)).to_dict("records")
    assert line["0.5 original"] == "95.0"
    assert line["0.5 rescaled"] == "80.0 ± 10.0"
    assert line["0.5 range"] == "70.0–90.0"
    write_summary(rows, tmp_path / "summary" / "x.csv")
    caption, found = read_spreads("x", tmp_path)
    assert "on 3 random rescalings" in caption
    assert [(spread.original, spread.moved) for spread in found] == [(95.0, (90.0, 80.0, 70.0))]


def test_uniform_widths_are_the_measure_of_every_budget(tmp_path: Path) -> None:
    kinds = {
        "uniform": 800,
        "cup(budget=macs)": 700,
        "cup": 600,
        "tropnnc(normalisation=norm)": 500,
    }
    rows = [
        replace(ROW, settings=f"scope=all allocator={kind}", correct=correct, identity=kind)
        for kind, correct in kinds.items()
    ]
    write_summary(rows, tmp_path / "summary" / "x.csv")
    write_transplant("x", tmp_path)
    text = (tmp_path / "tables" / "x_transplanted.md").read_text()
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()[2:]]
    assert lines[0][4:] == ["uniform", "cup", "tropnnc, norm"]
    assert [line[3:] for line in lines[2:]] == [
        ["neurons", "80.0†", "60.0†", "50.0†"],
        ["parameters", "80.0†", "–", "–"],
        ["macs", "80.0†", "70.0†", "–"],
    ]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=2, max_size=9))
def test_spearman_is_scipys(values: list[tuple[float, float]]) -> None:
    if any(len(set(column)) == 1 for column in zip(*values, strict=True)):
        assert spearman(values) == 0
    else:
        xs, ys = np.array(values).T
        assert spearman(values) == pytest.approx(spearmanr(xs, ys)[0])


def test_correlation_is_within_a_unit_ratio_and_network() -> None:
    # Within each ratio bounds order methods the wrong way round; pooled they would look right.
    rows = [
        replace(
            PLAIN, method=f"m{i}", ratio=ratio, seed=seed, bound=scale + i, largest_l2=scale - i
        )
        for ratio, scale in ((0.5, 10.0), (0.1, 1000.0))
        for seed in (0, 1, 2)
        for i in range(4)
    ]
    found = rank_correlation(rows, lambda row: row.bound, lambda row: row.largest_l2)
    assert found is not None
    assert (found.mean, found.sd, found.n) == (pytest.approx(-1), pytest.approx(0), 3)
    assert rank_correlation(rows, lambda _: None, lambda row: row.largest_l2) is None


def test_share_in_which_one_method_is_below_the_other() -> None:
    rows = []
    for seed, (ours, theirs) in enumerate(((1.0, 2.0), (3.0, 2.0), (1.0, 9.0))):
        rows.append(replace(PLAIN, method="tropnnc", seed=seed, bound=ours))
        rows.append(replace(PLAIN, method="misiakos", seed=seed, bound=theirs))
    bound = attrgetter("bound")
    assert lower_share(rows, bound, bound).text == "2 of 3"
    assert lower_share(rows, bound, lambda _: None).text == "–"
    # A row without its partner is no pair.
    assert lower_share(rows[:-1], bound, bound).text == "1 of 2"


def test_looseness_and_order_of_rows() -> None:
    network = replace(
        PLAIN, unit=NETWORK, bound=900.0, outputs=None, b1_lower=None, b1_upper=None,
        largest_l1=None, mean_l1=None,
    )  # fmt: skip
    other = replace(PLAIN, seed=1, bound=60.0)
    lines = looseness([network, PLAIN, replace(PLAIN, seed=2, bound=12.0), other])
    assert lines.to_dict("records") == [
        {"network": "a", "unit": "ip1", "bound": "ℓ2", "l1": "10"},
        {"network": "a", "unit": "ip1", "bound": "(B1)", "l1": "8–10"},
        {"network": "a", "unit": "", "bound": "certificate", "l1": "300"},
    ]
    [unit, whole] = ordering([network, PLAIN]).to_dict("records")
    assert unit["(B1), largest error"] == "+0.00†"
    assert whole["(B1), largest error"] == "–"


def test_the_command_says_what_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, said in (
        ("zonotopes", "no table zonotopes; accepted are effects"),
        ("spread", "x.csv"),
    ):
        arguments = ["geometry", name, "--results", str(tmp_path), "--suffix", "x"]
        monkeypatch.setattr(sys, "argv", arguments)
        assert main() == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
