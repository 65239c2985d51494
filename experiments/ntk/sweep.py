"""All cells of an experiment, what is missing computed; two processes share the work."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from statistics import fmean

from experiments.console import CellsFailed, say
from experiments.determinism import one_thread
from experiments.locks import Busy
from experiments.manifest import write_manifest
from experiments.ntk.cells import Result, run_cell, runs_dir
from experiments.ntk.settings import Cell
from experiments.settings import Machine
from tropnnc import clustering

LINE_SECONDS = 20.0


def run_experiment(name: str, cells: Sequence[Cell], machine: Machine) -> None:
    """Run ``cells``, and note that the experiment consists of them.

    What another process is at is left to it and looked up at the end. A data set whose weights are
    not at hand is named, and its cells are left out.

    Raises:
        CellsFailed: at least one did; each is named.
    """
    results: dict[Cell, Result] = {}
    reported = 0.0
    for wait in (False, True):
        for cell in [cell for cell in cells if cell not in results]:
            with suppress(Busy), one_thread(), clustering.one_thread():
                results[cell] = run_cell(cell, machine, wait)
            if cell in results and results[cell].computed and _is_due(reported):
                reported = time.monotonic()
                say(f"{name}: {_line(results[cell])}; {len(cells) - len(results)} cells left")
    _finish(name, list(results.values()), machine)


def _finish(name: str, results: Sequence[Result], machine: Machine) -> None:
    found = [result.record for result in results if result.record is not None]
    for reason in dict.fromkeys(r.reason for r in results if r.record is None):
        say(f"{name}: skipped: {reason}")
    failures = [result for result in results if result.failed]
    for result in failures:
        say(f"{name}: failed: {result.cell.label}: {result.reason}")
    computed = sum(result.computed and result.record is not None for result in results)
    say(f"{name}: {len(found)} cells, {computed} computed, {len(failures)} failed")
    if failures:
        raise CellsFailed
    if found:
        write_manifest(runs_dir(machine), name, [record["identity"] for record in found])
        seconds = [sum(record["timing"].values()) for record in found]
        say(f"{name}: {sum(seconds):.0f} s of measuring, {fmean(seconds):.1f} s a cell")


def _is_due(last: float) -> bool:
    return time.monotonic() - last >= LINE_SECONDS


def _line(result: Result) -> str:
    record = result.record
    if record is None:
        return f"{result.cell.label}: skipped"
    if "correct" not in record:
        return f"{result.cell.label}: {record['status']}"
    return f"{result.cell.label}: {100 * record['correct'] / record['total']:.2f} %"
