"""Paired differences between methods on one dense network, and the verdict on all of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.cell import run_cell
from experiments.evaluation import unpack_bits
from experiments.frontier.ahead import Duel, corrected, fought, frame, verdict, write_ahead
from experiments.frontier.bootstrap import Resampled, difference
from experiments.frontier.reading import NotRun
from experiments.frontier.rivals import RivalRow, measured, rival_rows
from experiments.manifest import write_manifest
from experiments.record import Record
from experiments.settings import Machine
from tests.harness.cells import a_cell, machine

ROW = RivalRow(
    dataset="cifar10", arch="vgg", checkpoint="a", ratio=0.5, rival="l1", images=10_000,
    ours_seeds=1, seeds=1, difference=4.0, error=1.0, low=2.0, high=6.0,
)  # fmt: skip


def test_the_bootstrap_has_the_standard_error_of_paired_counts() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((1, 4000)) < 0.8, rng.random((1, 4000)) < 0.6
    found = difference(ours, theirs, Resampled(4000, np.random.default_rng(1)))
    gap = ours[0].astype(float) - theirs[0]
    error = 100 * gap.std() / len(gap) ** 0.5
    assert found.mean == pytest.approx(100 * gap.mean())
    # 2,000 draws know a standard deviation to 1.6 %, the ends of an interval to 5 % of one.
    assert found.error == pytest.approx(error, rel=0.05)
    assert found.low == pytest.approx(found.mean - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(found.mean + 1.96 * error, abs=0.2 * error)


def test_methods_that_are_right_on_the_same_images_do_not_differ() -> None:
    bits = np.random.default_rng(0).random((1, 500)) < 0.5
    found = difference(bits, bits, Resampled(500, np.random.default_rng(1)))
    assert (found.mean, found.error, found.low, found.high) == (0, 0, 0, 0)


def test_seeds_are_drawn_too() -> None:
    # Whatever the images, one seed is right on all of them and the other on none.
    theirs = np.repeat([[True], [False]], 300, axis=0).reshape(2, 300)
    ours = np.ones((1, 300), dtype=bool)
    found = difference(ours, theirs, Resampled(300, np.random.default_rng(1)))
    assert found.mean == 50
    assert found.error == pytest.approx(100 * 0.125**0.5, rel=0.05)
    assert (found.low, found.high) == (0, 100)


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> tuple[Machine, list[Record]]:
    """A champion, two seeds of a rival, and another rival with batch norms taken anew."""
    here = machine(tmp_path_factory.mktemp("rivals"))
    made = [
        a_cell("l2"),
        a_cell("random"),
        a_cell("random", method_seed=1),
        a_cell("l1", ratio=0.25),
    ]
    records = [run_cell(cell, here).record for cell in made]
    found = [record for record in records if record is not None]
    found[0]["config"]["method"]["name"] = "synthetic_ls"
    return here, found


def test_differences_are_those_of_the_bits(cells: tuple[Machine, list[Record]]) -> None:
    champion, *others = cells[1]
    again = {**champion, "identity": "again"}
    again["config"] = {**champion["config"], "method": {"name": "l1", "options": {}}}
    again["config"]["recalibrate"] = {"images": 32}
    again["recalibrated"] = {"compressed": others[0]["compressed"], "dense": champion["dense"]}
    rows = measured([champion, *others, again])
    # Nothing to compare with at the other ratio, and the champion is no rival of its own.
    assert [(row.rival, row.ratio) for row in rows] == [
        *(("l1", 0.5), ("l1 + re-calibration", 0.5), ("random", 0.5)),
    ]
    ours = unpack_bits(champion["compressed"])
    draws = [unpack_bits(record["compressed"]) for record in others[:2]]
    assert rows[0].difference == 0
    assert rows[1].difference == pytest.approx(100 * (ours.mean() - draws[0].mean()))
    assert rows[2].difference == pytest.approx(100 * (ours.mean() - np.mean(draws)))
    assert [row.seeds for row in rows] == [1, 1, 2]
    assert rows == measured([again, *reversed(others), champion])


def test_differences_are_committed_and_read_again(
    tmp_path: Path, cells: tuple[Machine, list[Record]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.frontier.rivals.experiment_records", lambda *_: cells[1])
    rows = rival_rows("frontier_vgg", tmp_path)
    monkeypatch.undo()
    assert [row.rival for row in rows] == ["random"]
    # Without a manifest there is the CSV alone, and that is all it takes.
    assert rival_rows("frontier_vgg", tmp_path) == rows
    assert rival_rows("frontier_lite0", tmp_path) == []
    write_manifest(tmp_path / "runs", "x", [])
    assert rival_rows("x", tmp_path) == []


def test_training_seeds_are_one_comparison_case_studies_their_own() -> None:
    seeds = [
        replace(ROW, checkpoint=c, difference=d) for c, d in zip("abc", (3, 4, 5), strict=True)
    ]
    other = replace(ROW, arch="resnet20")
    both = replace(ROW, arch="resnet8", error=0.0)
    out = replace(ROW, ratio=0.75)
    pooled, single, certain = fought([*seeds, other, both, out])
    # Student's t with two degrees of freedom.
    assert (pooled.networks, pooled.difference) == (3, 4)
    assert pooled.low == pytest.approx(4 - 4.302653 / 3**0.5)
    assert (single.networks, single.low, single.high) == (1, 2.0, 6.0)
    assert single.p == pytest.approx(6.334e-5, rel=1e-3)
    assert certain.p == 0


def test_holm_is_over_the_networks_and_ratios_of_a_rival() -> None:
    duel = Duel("a", 0.5, "l1", 1, 1.0, 0.5, 1.5, 0.03)
    duels = [duel, replace(duel, ratio=0.25, p=0.04), replace(duel, rival="l2")]
    assert corrected(duels) == [0.06, 0.06, 0.03]


def test_a_claim_about_every_rival_needs_every_one() -> None:
    assert verdict(3, ahead=3, behind=0) == "supported"
    assert verdict(3, ahead=2, behind=0) == "inconclusive"
    assert verdict(3, ahead=2, behind=1) == "contradicted"


def test_the_nearest_rivals_are_shown(tmp_path: Path) -> None:
    duel = Duel("a", 0.5, "", 1, 0.0, 0.5, 1.5, 0.03)
    duels = [replace(duel, rival=str(d), difference=float(d)) for d in (5, -2, 9, 1)]
    lines = frame(duels, [0.5, 1e-9, 0.2, 0.25]).to_dict("records")
    assert [(line["rival"], line["of rivals"], line["p (Holm)"]) for line in lines] == [
        *(("-2", "4", "< 0.0001"), ("1", "4", "0.2500"), ("5", "4", "0.5000")),
    ]
    with pytest.raises(NotRun, match="no differences"):
        write_ahead(tmp_path, "")
