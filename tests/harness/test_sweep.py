"""Sweeps: one failure stops nothing, only what is missing runs, bad input starts nothing."""

import errno
from dataclasses import replace
from pathlib import Path

import pytest
from torch import nn

from experiments import cell as cell_module
from experiments import sweep as sweep_module
from experiments.architectures import build
from experiments.cell import Outcome, run_cell
from experiments.locks import Busy
from experiments.record import Record
from experiments.settings import ArchSettings, CellSettings, Machine
from experiments.sweep import SweepInterrupted, check_sweep, counts, run_sweep
from tests.harness.cells import a_cell, machine
from tropnnc import TropnncError

CELLS = [a_cell(method, seed=seed) for method in ("random", "l1", "l2") for seed in (0, 1)]


def test_one_failure_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def sometimes(cell: CellSettings, where: Machine, _: bool) -> Outcome:
        if cell.method.name == "l1":
            raise TropnncError("no such thing")
        return run_cell(cell, where)

    monkeypatch.setattr(sweep_module, "run_cell", sometimes)
    outcomes = run_sweep(CELLS, machine(tmp_path))
    assert [outcome.cell for outcome in outcomes] == CELLS
    assert [outcome.status for outcome in outcomes] == ["done"] * 2 + ["failed"] * 2 + ["done"] * 2
    assert outcomes[2].message == "no such thing"


def test_only_what_is_missing_runs(tmp_path: Path) -> None:
    run_sweep(CELLS[:4], machine(tmp_path))
    outcomes = run_sweep(CELLS, machine(tmp_path))
    assert [outcome.computed for outcome in outcomes] == [False] * 4 + [True] * 2
    assert counts(outcomes).startswith("6 cells: 2 computed, 4 found on disk; 6 done")


def test_cells_of_one_network_run_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[int] = []

    def note(cell: CellSettings, *_: object) -> Outcome:
        order.append(cell.seed)
        return Outcome(cell, "done")

    monkeypatch.setattr(sweep_module, "run_cell", note)
    run_sweep(CELLS, machine(tmp_path))
    assert order == [0, 0, 0, 1, 1, 1]


def test_what_another_process_is_at_is_left_to_it_and_looked_up_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[tuple[int, bool]] = []

    def shared(cell: CellSettings, _: Machine, wait: bool) -> Outcome:
        index = CELLS.index(cell)
        if index in (0, 3) and not wait:
            raise Busy
        order.append((index, wait))
        return Outcome(cell, "done")

    monkeypatch.setattr(sweep_module, "run_cell", shared)
    outcomes = run_sweep(CELLS, machine(tmp_path))
    assert [outcome.cell for outcome in outcomes] == CELLS
    # Even indices are of one network, odd ones of the other.
    assert order == [(2, False), (4, False), (1, False), (5, False), (0, True), (3, True)]


def test_a_full_disk_ends_the_sweep_and_says_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> Record:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cell_module, "write_record", full)
    with pytest.raises(OSError, match="No space") as caught:
        run_sweep(CELLS, machine(tmp_path))
    assert caught.value.__notes__ == ["0 of 6 cells are done"]


def test_ctrl_c_says_what_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[CellSettings] = []

    def interrupted(cell: CellSettings, *_: object) -> Outcome:
        calls.append(cell)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return Outcome(cell, "done")

    monkeypatch.setattr(sweep_module, "run_cell", interrupted)
    with pytest.raises(SweepInterrupted, match="2 of 6 cells are done"):
        run_sweep(CELLS, machine(tmp_path))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (a_cell("no_such"), "unknown method 'no_such'; accepted are .*tropnnc"),
        (a_cell(calibration_images=3501), "mnist5k has 3500 training images"),
        (a_cell(scope=("1", "7")), "scope names '7'; units are 1"),
        (a_cell(scope="conv"), "no unit in scope 'conv'"),
        (a_cell(scope="first"), "unknown scope 'first'; accepted are all, linear, conv"),
    ],
)
def test_bad_input_is_found_before_the_first_cell(
    tmp_path: Path, bad: CellSettings, message: str
) -> None:
    with pytest.raises(TropnncError, match=message):
        check_sweep([*CELLS, bad], machine(tmp_path))
    assert not (tmp_path / "results").exists()


def test_a_scope_is_looked_at_once_per_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[ArchSettings] = []

    def note(arch: ArchSettings) -> nn.Module:
        built.append(arch)
        return build(arch)

    monkeypatch.setattr(sweep_module, "build", note)
    wide = replace(a_cell().arch, options=(("widths", (32,)),))
    cells = [*CELLS, a_cell(scope="linear"), a_cell(arch=wide), a_cell("l2", arch=wide)]
    check_sweep(cells, machine(tmp_path))
    assert built == [a_cell().arch, a_cell().arch, wide]
