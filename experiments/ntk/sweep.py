"""All cells of an NTK-LC experiment; two processes share the work."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from experiments.ntk.cells import run_cell, runs_dir
from experiments.ntk.settings import Cell
from experiments.record import Record
from experiments.settings import Machine
from experiments.track.sweep import run_cells


def run_experiment(name: str, cells: Sequence[Cell], machine: Machine) -> None:
    """Run ``cells``, and note that the experiment consists of them.

    Raises:
        CellsFailed: at least one did; each is named.
    """
    run_cells(name, cells, partial(run_cell, machine=machine), runs_dir(machine), _found)


def _found(record: Record) -> str:
    if "correct" not in record:
        return "done"
    return f"{100 * record['correct'] / record['total']:.2f} %"
