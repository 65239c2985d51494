"""Ctrl-C in a callback from C, where Python drops it, stops a sweep all the same."""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import pytest

from experiments import sweep
from experiments.cell import Outcome
from experiments.interrupts import interrupts
from experiments.parsing import cell_settings
from experiments.settings import CellSettings, Machine
from experiments.sweep import SweepInterrupted, run_sweep
from tests.harness.cells import composed


def drop(exception: BaseException) -> None:
    """Raise it where nothing can be raised."""

    def callback() -> None:
        raise exception

    ctypes.CFUNCTYPE(None)(callback)()


def test_a_dropped_interrupt_stops_the_sweep_after_its_cell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[float] = []

    def run_cell(cell: CellSettings, machine: Machine, wait: bool) -> Outcome:
        del machine, wait
        ran.append(cell.ratio)
        if len(ran) == 2:
            drop(KeyboardInterrupt())
        return Outcome(cell, "done", "")

    monkeypatch.setattr(sweep, "run_cell", run_cell)
    cells = [cell_settings(composed(f"ratio={ratio}")) for ratio in (0.9, 0.5, 0.1)]
    with pytest.raises(SweepInterrupted, match="2 of 3 cells are done"):
        run_sweep(cells, Machine(tmp_path, tmp_path))
    assert len(ran) == 2
    assert capsys.readouterr().err == ""


def test_other_dropped_exceptions_are_reported_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[BaseException | None] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: seen.append(unraisable.exc_value))
    before = sys.unraisablehook
    with interrupts() as dropped:
        drop(ValueError("x"))
        dropped.check()
        drop(KeyboardInterrupt())
        with pytest.raises(KeyboardInterrupt):
            dropped.check()
        dropped.check()
    assert [type(exception) for exception in seen] == [ValueError]
    assert sys.unraisablehook is before
