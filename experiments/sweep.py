"""Many cells: what is missing is computed, one failure stops nothing, all is said at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tqdm import tqdm

from experiments.bench import check_inputs
from experiments.cell import Outcome, check_parts, run_cell
from experiments.console import say
from experiments.settings import CellSettings, Machine
from tropnnc.errors import TropnncError


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C, with what was done until then."""


def check_sweep(cells: Iterable[CellSettings], machine: Machine) -> None:
    """Find out bad input before the first cell runs.

    Raises:
        TropnncError: in one line, what is wrong and what is accepted.
    """
    seen: set[object] = set()
    for cell in cells:
        parts = (cell.method, cell.allocator)
        if parts not in seen:
            check_parts(cell)
        inputs = (cell.dataset, cell.calibration_images, cell.arch if cell.arch.checkpoint else "")
        if inputs not in seen:
            check_inputs(cell, machine)
        seen |= {parts, inputs}


def run_sweep(cells: Sequence[CellSettings], machine: Machine) -> list[Outcome]:
    """Every cell, in the order given; those on one dense network run together.

    Raises:
        SweepInterrupted: on Ctrl-C.
    """
    outcomes: dict[int, Outcome] = {}
    progress = tqdm(total=len(cells), unit="cell", disable=None)
    try:
        for index in _by_network(cells):
            cell = cells[index]
            progress.set_description(cell.label)
            outcomes[index] = _survive(cell, machine)
            progress.update()
            if progress.disable and outcomes[index].computed:
                _line(outcomes[index], len(outcomes), len(cells))
    except KeyboardInterrupt as error:
        raise SweepInterrupted(f"{len(outcomes)} of {len(cells)} cells are done") from error
    finally:
        progress.close()
    return [outcomes[index] for index in range(len(cells))]


def counts(outcomes: Iterable[Outcome]) -> str:
    """How many cells were computed now, found, skipped, and failed."""
    outcomes = list(outcomes)
    statuses = Counter(outcome.status for outcome in outcomes)
    found = sum(not outcome.computed for outcome in outcomes)
    return (
        f"{len(outcomes)} cells: {len(outcomes) - found} computed, {found} found on disk;"
        f" {statuses['done']} done, {statuses['skipped']} skipped, {statuses['failed']} failed"
    )


def _survive(cell: CellSettings, machine: Machine) -> Outcome:
    try:
        return run_cell(cell, machine)
    except TropnncError as error:
        return Outcome(cell, "failed", str(error))


def _by_network(cells: Sequence[CellSettings]) -> list[int]:
    """Indices of the cells, those of one dense network next to each other."""
    first: dict[object, int] = {}
    for index, cell in enumerate(cells):
        first.setdefault(_network(cell), index)
    return sorted(range(len(cells)), key=lambda index: first[_network(cells[index])])


def _network(cell: CellSettings) -> object:
    return cell.dataset, cell.arch, cell.train, cell.seed


def _line(outcome: Outcome, done: int, total: int) -> None:
    say(f"[{done}/{total}] {outcome.cell.label}: {outcome.status}")
