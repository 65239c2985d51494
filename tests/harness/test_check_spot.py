"""Spot checks: the draw, the same bits again, and what is stale or does not match."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from experiments.cell import cell_config, cell_versions, run_cell
from experiments.check import today
from experiments.check.composing import experiment_cells
from experiments.check.cost import training_seconds
from experiments.check.lookup import Cells, identity_on
from experiments.check.spot import spot_check
from experiments.networks import training_of
from experiments.report.rows import summary_row
from experiments.report.summary import SummaryRow, write_summary
from experiments.settings import ArchSettings, CellSettings, Component, Machine
from experiments.training_settings import Distillation, Finetuning
from tests.harness.cells import RECIPE, a_cell, machine
from tropnnc import TropnncError

RESNET = ArchSettings(
    "resnet20", "experiments.networks_cifar.ResNet", (("classes", 10), ("depth", 20))
)
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
    monkeypatch.setattr(today, "experiment_cells", lambda *_: CELLS)
    today.cell_of_today.cache_clear()
    yield
    today.cell_of_today.cache_clear()


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


def test_cells_on_images_made_from_the_weights_are_made_anew_and_have_the_same_bits(
    here: Machine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the method, and by the fine-tuning alone."""
    recipe = replace(RECIPE, batch=12)
    tuning = Finetuning(recipe, (1,), False, distillation=Distillation("synthetic", 12, 2))
    few = Component("synthetic_ls", (("count", 12), ("steps", 2)))
    cells = [replace(a_cell(), method=few), a_cell(finetuning=tuning)]
    monkeypatch.setattr(today, "experiment_cells", lambda *_: cells)
    records = [run_cell(cell, here).record for cell in cells]
    commit(here, [summary_row(record) for record in records if record is not None])
    assert spot_check(here, 2, seed=0, minutes=5)
    assert capsys.readouterr().out.count("same bits: ") == 2


@pytest.mark.parametrize(
    ("arch", "steps"),
    [(CELLS[0].arch, 300), (RESNET, 50)],
)
def test_the_layers_alone_say_how_images_are_made(arch: ArchSettings, steps: int) -> None:
    cell = replace(a_cell("synthetic_ls"), arch=arch)
    assert cell_config(cell)["synthetic"]["steps"] == steps


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
    monkeypatch.setattr(today, "cell_versions", lambda _: bumped)
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


def before_computing(monkeypatch: pytest.MonkeyPatch, act: Callable[[CellSettings], None]) -> None:
    compute = Cells.compute

    def first_act(cells: Cells, cell: CellSettings) -> SummaryRow:
        act(cell)
        return compute(cells, cell)

    monkeypatch.setattr(Cells, "compute", first_act)


def test_the_cell_at_work_is_stopped_when_the_time_is_over(
    here: Machine,
    rows: list[SummaryRow],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # On a busy machine they may have taken longer than there is time for.
    commit(here, [replace(row, compress_seconds=0.0, evaluate_seconds=0.0) for row in rows])
    calls: list[CellSettings] = []

    def slow(cell: CellSettings) -> None:
        calls.append(cell)
        while len(calls) > 1:
            time.sleep(0.01)

    before_computing(monkeypatch, slow)
    started = time.monotonic()
    assert spot_check(here, 4, seed=0, minutes=1 / 60)
    assert time.monotonic() - started < 5
    assert len(calls) == 2
    assert "4 committed cells: 1 same bits, 3 not reached" in capsys.readouterr().out


def test_a_cell_that_fails_today_is_no_agreement_and_stops_nothing(
    here: Machine,
    rows: list[SummaryRow],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    commit(here, rows)

    def fail(cell: CellSettings) -> None:
        if cell == CELLS[1]:
            raise TropnncError("no such thing")

    before_computing(monkeypatch, fail)
    assert not spot_check(here, 4, seed=0, minutes=5)
    said = capsys.readouterr().out
    assert f"FAILED: quick: {_label(rows[1])}: no such thing" in said
    assert "3 same bits" in said


def test_a_network_that_takes_too_long_is_left_out_and_named(
    rows: list[SummaryRow],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    elsewhere = machine(tmp_path)
    commit(elsewhere, rows)
    monkeypatch.setattr("experiments.check.cost.training_seconds", lambda _: 3600.0)
    assert not spot_check(elsewhere, 4, seed=0, minutes=8)
    said = capsys.readouterr().out
    assert f"left out: mnist5k {rows[0].arch} seed=0, whose cells came up 4 times: it" in said
    assert "0 committed cells: none fits into the time" in said
    assert not elsewhere.runs_dir.exists()


def test_data_that_are_absent_leave_their_cells_out_and_are_asked_for_once(
    rows: list[SummaryRow],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    elsewhere, asked = machine(tmp_path), list[str]()

    def refuse(name: str, _: Path) -> None:
        asked.append(name)
        raise TropnncError(f"{name}: no download possible")

    monkeypatch.setattr("experiments.check.cost.load_dataset", refuse)
    commit(elsewhere, [*rows, replace(rows[0], checkpoint="other", identity="other")])
    assert not spot_check(elsewhere, 4, seed=0, minutes=8)
    said = capsys.readouterr().out
    assert "came up 5 times: mnist5k: no download possible" in said
    assert asked == ["mnist5k"]


def test_the_estimate_is_that_of_all_epochs(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    training = training_of(CELLS[0], here)
    assert training is not None
    clock = iter([10.0, 12.0])
    monkeypatch.setattr("experiments.check.cost.time.perf_counter", lambda: next(clock))
    monkeypatch.setattr("experiments.check.cost.epochs", lambda *_: iter([1, 2]))
    longer = replace(training, recipe=replace(training.recipe, epochs=7))
    # Ten batches of 250 take two seconds, seven epochs of 3,500 images as many for each of those.
    assert training_seconds(longer) == pytest.approx(2.0 * 7 * 3500 / 2500)


def test_what_is_composed_for_a_row_are_all_cells_that_may_be_it(rows: list[SummaryRow]) -> None:
    row = replace(rows[0], dataset="fashion_mnist", method="thinet", ratio=0.1)
    own, others = (
        set(experiment_cells("mnist_finetune_quick", partial(today._may_make, row, own)))
        for own in (True, False)
    )
    # As they are, and the one cell of all methods from scratch.
    assert {cell.method.name for cell in own} == {"thinet", "random"}
    assert own | others == set(experiment_cells("mnist_finetune_quick"))


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


def _label(row: SummaryRow) -> str:
    return f"{row.dataset} {row.arch} {row.method} ratio={row.ratio:g} seed={row.seed}"
