"""Many cells: what is missing is computed, one failure stops nothing, all is said at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager, suppress

import torch

from experiments.architectures import build
from experiments.bench import check_inputs
from experiments.cell import Outcome, check_parts, run_cell
from experiments.data import open_dataset
from experiments.interrupts import interrupts
from experiments.locks import Busy
from experiments.networks import by_network
from experiments.processes import check_size
from experiments.progress import Progress
from experiments.settings import CellSettings, Machine
from experiments.torchrun import ProcessesFailed, size_started
from tropnnc.errors import TropnncError
from tropnnc.graph import discover
from tropnnc.scope import sites_in


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
        published = cell.arch if cell.arch.checkpoint else ""
        tested = (cell.test_images, cell.test_split)
        inputs = (cell.dataset, cell.calibration_images, tested, published)
        if inputs not in seen:
            check_inputs(cell, machine)
        scope = (cell.dataset.name, cell.arch, cell.scope)
        if scope not in seen:
            _check_scope(cell, machine)
        seen |= {parts, inputs, scope}


def check_processes(cells: Iterable[CellSettings], in_jobs: bool = False) -> None:
    """Find out before the first cell whether torchrun has started what fine-tuning asks for.

    Raises:
        TropnncError: another number of processes, or torchrun and jobs at once.
    """
    if in_jobs and size_started() > 1:
        raise TropnncError("torchrun runs cells itself: hydra/launcher=serial is accepted")
    for processes in {c.finetuning.processes for c in cells if c.finetuning is not None} or {1}:
        check_size(processes)


def run_sweep(cells: Sequence[CellSettings], machine: Machine) -> list[Outcome]:
    """Every cell; those on one dense network run together.

    What another process is at is left to it and looked up at the end.

    Raises:
        SweepInterrupted: on Ctrl-C.
        OSError: a file cannot be written; its note says what is done.
        ProcessesFailed: of several that fine-tune a cell one was lost; likewise.
    """
    outcomes: dict[int, Outcome] = {}
    order = by_network(cells)
    progress = Progress(cells, machine)
    with accounted(outcomes, cells, progress), interrupts() as dropped:
        for wait in (False, True):
            for index in [index for index in order if index not in outcomes]:
                dropped.check()
                progress.begin(cells[index])
                with suppress(Busy):
                    outcomes[index] = _survive(cells[index], machine, wait)
                    progress.end(outcomes[index])
        dropped.check()
    return [outcomes[index] for index in range(len(cells))]


@contextmanager
def accounted(outcomes: Sized, cells: Sized, progress: Progress) -> Iterator[None]:
    """Say what is done where a sweep is interrupted or cannot go on.

    Raises:
        SweepInterrupted: on Ctrl-C.
        OSError: with a note.
        ProcessesFailed: with a note.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        raise SweepInterrupted(_done(outcomes, cells)) from error
    except (OSError, ProcessesFailed) as error:
        error.add_note(_done(outcomes, cells))
        raise
    finally:
        progress.close()


def counts(outcomes: Iterable[Outcome]) -> str:
    """How many cells were computed now, found, skipped, and failed."""
    outcomes = list(outcomes)
    statuses = Counter(outcome.status for outcome in outcomes)
    found = sum(not outcome.computed for outcome in outcomes)
    return (
        f"{len(outcomes)} cells: {len(outcomes) - found} computed, {found} found on disk;"
        f" {statuses['done']} done, {statuses['skipped']} skipped, {statuses['failed']} failed"
    )


def _check_scope(cell: CellSettings, machine: Machine) -> None:
    """Raise where the untrained network has no unit in the scope, or none of that name."""
    image = torch.zeros(1, *open_dataset(cell.dataset, machine).test.shape)
    sites_in(discover(build(cell.arch).eval(), image), cell.scope)


def _survive(cell: CellSettings, machine: Machine, wait: bool) -> Outcome:
    try:
        return run_cell(cell, machine, wait)
    except TropnncError as error:
        return Outcome(cell, "failed", str(error))


def _done(outcomes: Sized, cells: Sized) -> str:
    return f"{len(outcomes)} of {len(cells)} cells are done"
