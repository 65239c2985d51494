"""All cells of an experiment, what is missing computed; two processes share the work."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import fmean

from experiments.console import CellsFailed, say
from experiments.determinism import one_thread
from experiments.locks import Busy
from experiments.manifest import write_manifest
from experiments.record import Record
from experiments.track.cells import Cell, Result
from tropnnc import clustering

LINE_SECONDS = 20.0


def run_cells(
    name: str,
    cells: Sequence[Cell],
    run: Callable[[Cell, bool], Result[Cell]],
    runs: Path,
    found: Callable[[Record], str],
) -> None:
    """Run ``cells``, and note that the experiment ``name`` consists of them.

    What another process is at is left to it and looked up at the end. Cells without a record, for
    lack of data or weights, are left out, and the reason is named.

    Args:
        name: of the experiment.
        cells: in the order in which they are run.
        run: gives the result of a cell; whether to wait for another process comes second.
        runs: where the records are.
        found: what a record that is done says, in a few words.

    Raises:
        CellsFailed: at least one did; each is named.
    """
    results: dict[Cell, Result[Cell]] = {}
    reported = 0.0
    for wait in (False, True):
        for cell in [cell for cell in cells if cell not in results]:
            with suppress(Busy), one_thread(), clustering.one_thread():
                results[cell] = run(cell, wait)
            if cell in results and results[cell].computed and _is_due(reported):
                reported = time.monotonic()
                say(f"{name}: {_line(results[cell], found)}; {len(cells) - len(results)} left")
    _finish(name, list(results.values()), runs)


def _finish(name: str, results: Sequence[Result[Cell]], runs: Path) -> None:
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
        write_manifest(runs, name, [record["identity"] for record in found])
        seconds = [sum(record["timing"].values()) for record in found]
        say(f"{name}: {sum(seconds):.0f} s of measuring, {fmean(seconds):.1f} s a cell")


def _is_due(last: float) -> bool:
    return time.monotonic() - last >= LINE_SECONDS


def _line(result: Result[Cell], found: Callable[[Record], str]) -> str:
    record = result.record
    if record is None:
        return f"{result.cell.label}: skipped"
    said = found(record) if record["status"] == "done" else record["status"]
    return f"{result.cell.label}: {said}"
