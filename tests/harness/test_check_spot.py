"""Spot checks: the draw, the same bits again, and what is stale or does not match."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.cell import cell_versions, run_cell
from experiments.check import spot
from experiments.check.lookup import identity_on
from experiments.check.spot import draw, spot_check
from experiments.report.rows import summary_row
from experiments.report.summary import SummaryRow, write_summary
from experiments.settings import Machine
from tests.harness.cells import a_cell, machine
from tropnnc import TropnncError

CELLS = [a_cell(method, ratio=ratio) for method in ("l1", "tropnnc") for ratio in (0.5, 0.25)]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    return machine(tmp_path_factory.mktemp("spot"))


@pytest.fixture(scope="module")
def rows(here: Machine) -> list[SummaryRow]:
    records = [run_cell(cell, here).record for cell in CELLS]
    return [summary_row(record) for record in records if record is not None]


@pytest.fixture(autouse=True)
def grid(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The cells of ``quick`` are ours for a while."""
    monkeypatch.setattr(spot, "experiment_cells", lambda _: CELLS)
    spot.grid.cache_clear()
    yield
    spot.grid.cache_clear()


def commit(here: Machine, rows: list[SummaryRow]) -> None:
    write_summary(rows, here.results_dir / "summary" / "quick.csv")


def test_committed_cells_have_the_same_bits_again(
    here: Machine, rows: list[SummaryRow], capsys: pytest.CaptureFixture[str]
) -> None:
    commit(here, rows)
    assert spot_check(here, 4, seed=0, minutes=5)
    said = capsys.readouterr().out
    assert said.count("on its stored network") == 4
    for row in rows:
        assert f"same bits: quick: mnist5k {row.arch} {row.method}" in said
        assert row.bits_sha256 in said


def test_without_the_stored_network_it_is_trained_anew(
    rows: list[SummaryRow], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = machine(tmp_path)
    commit(elsewhere, rows)
    assert spot_check(elsewhere, 1, seed=0, minutes=5)
    assert "on a network trained anew" in capsys.readouterr().out
    assert not (elsewhere.runs_dir / "cells").exists()


def test_other_bits_are_named_with_both_digests(
    here: Machine, rows: list[SummaryRow], capsys: pytest.CaptureFixture[str]
) -> None:
    commit(here, [replace(row, bits_sha256="0" * 16) for row in rows[:1]])
    assert not spot_check(here, 1, seed=0, minutes=5)
    said = capsys.readouterr().out
    assert f"MISMATCH: quick: {_label(rows[0])}: bits {'0' * 16}, now {rows[0].bits_sha256}" in said


def test_other_dense_weights_are_a_mismatch(
    here: Machine, rows: list[SummaryRow], capsys: pytest.CaptureFixture[str]
) -> None:
    other = "f" * 64
    identity = identity_on(CELLS[0], other, here)
    commit(here, [replace(rows[0], checkpoint=other, identity=identity)])
    assert not spot_check(here, 1, seed=0, minutes=5)
    assert f"dense weights {'f' * 16}, now {rows[0].checkpoint[:16]}" in capsys.readouterr().out


def test_a_cell_of_an_older_version_is_stale(
    here: Machine,
    rows: list[SummaryRow],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commit(here, rows[:1])
    bumped = {**cell_versions(CELLS[0]), "method": 2}
    monkeypatch.setattr(spot, "cell_versions", lambda _: bumped)
    monkeypatch.setattr("experiments.check.lookup.cell_versions", lambda _: bumped)
    assert not spot_check(here, 1, seed=0, minutes=5), "nothing was compared"
    said = capsys.readouterr().out
    assert "stale: quick" in said
    assert "made with versions {'method': 1" in said
    assert "1 committed cells: 1 stale" in said


def test_a_cell_of_another_configuration_is_stale(
    here: Machine, rows: list[SummaryRow], capsys: pytest.CaptureFixture[str]
) -> None:
    commit(here, [replace(rows[0], identity="0" * 64), rows[1]])
    assert spot_check(here, 2, seed=0, minutes=5)
    assert "its configuration, the schema or the data has changed" in capsys.readouterr().out


def test_after_its_time_no_cell_is_begun(
    here: Machine, rows: list[SummaryRow], capsys: pytest.CaptureFixture[str]
) -> None:
    commit(here, rows)
    assert not spot_check(here, 4, seed=0, minutes=0)
    assert "4 committed cells: 4 not reached" in capsys.readouterr().out


def test_the_draw_depends_on_its_seed_and_skips_what_is_not_done(
    here: Machine, rows: list[SummaryRow]
) -> None:
    many = [replace(rows[0], identity=str(index), seed=index) for index in range(50)]
    commit(here, [*many, replace(rows[0], status="skipped", identity="skipped")])
    drawn = draw(here.results_dir, 10, 0)
    assert len({d.row.identity for d in drawn}) == 10
    assert drawn == draw(here.results_dir, 10, 0)
    assert drawn != draw(here.results_dir, 10, 1)
    assert len(draw(here.results_dir, 99, 0)) == 50


def test_the_digest_sees_every_bit_at_every_stage(here: Machine, rows: list[SummaryRow]) -> None:
    record = run_cell(CELLS[0], here).record
    assert record is not None
    last = {**record["compressed"], "epoch": 1}
    flipped = {**last, "bits": ("A" if last["bits"][0] != "A" else "B") + last["bits"][1:]}
    stages = [
        *({}, {"compressed": flipped}, {"finetuned": [last]}, {"finetuned": [last, last]}),
        *({"finetuned": [last, flipped]}, {"recalibrated": {"dense": last, "compressed": flipped}}),
    ]
    digests = [summary_row({**record, **stage}).bits_sha256 for stage in stages]
    assert digests[0] == rows[0].bits_sha256
    assert len(set(digests)) == len(digests)


def test_nothing_committed(tmp_path: Path) -> None:
    with pytest.raises(TropnncError, match="no committed cell"):
        draw(tmp_path, 1, 0)


def _label(row: SummaryRow) -> str:
    return f"{row.dataset} {row.arch} {row.method} ratio={row.ratio:g} seed={row.seed}"
