"""A sweep in jobs: what is missing is submitted, what the jobs made is collected."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import groupby

from submitit import Job, LocalJob
from submitit.core.utils import DelayedSubmission, FailedJobError, UncompletedJobError
from submitit.helpers import environment_variables

from experiments.cell import Outcome, settled
from experiments.engine import Engine, open_executor
from experiments.networks import (
    by_network,
    is_to_be_trained,
    is_trained,
    network_of,
    one_per_network,
)
from experiments.progress import Progress
from experiments.settings import CellSettings, Machine
from experiments.sweep import accounted, run_sweep
from tropnnc.errors import TropnncError

POLL_SECONDS = {"local": 0.1, "slurm": 5.0}


@dataclass(frozen=True)
class CellsJob:
    """Cells of one dense network, computed one after the other in one process."""

    cells: tuple[CellSettings, ...]
    machine: Machine

    def __call__(self) -> list[Outcome]:
        """Compute what is missing by then."""
        return run_sweep(self.cells, self.machine)

    def checkpoint(self) -> DelayedSubmission:
        """Called by submitit when the time is up: the same job again goes on with what is left."""
        return DelayedSubmission(self)


def submit_sweep(cells: Sequence[CellSettings], machine: Machine, engine: Engine) -> list[Outcome]:
    """Every one of ``cells``, all different; only those that are missing are submitted.

    A cell of each network that is to be trained goes ahead and trains it. The others follow when
    these have ended: only then are their identities known, and nobody waits in a job for a network
    that another job trains. This process looks things up on the CPU, whatever ``machine`` says.

    Raises:
        SweepInterrupted: on Ctrl-C, with the jobs cancelled.
        TropnncError: the engine is not there, or refuses the jobs.
    """
    here = replace(machine, device="cpu")
    outcomes: dict[CellSettings, Outcome] = {}
    progress = Progress(cells, here, engine.at_a_time)
    with accounted(outcomes, cells, progress):
        ahead = [cell for cell in one_per_network(cells) if is_to_be_trained(cell, here)]
        untrained = {network_of(cell) for cell in ahead}
        for outcome in _computed(ahead, machine, engine):
            outcomes[outcome.cell] = outcome
            progress.end(outcome)
        missing = []
        for cell in (cells[index] for index in by_network(cells)):
            if cell in outcomes:
                continue
            known = _known(cell, here, network_of(cell) in untrained)
            if known is None:
                missing.append(cell)
            else:
                outcomes[cell] = known
                progress.end(known)
        for outcome in _computed(missing, machine, engine):
            outcomes[outcome.cell] = outcome
            progress.end(outcome)
    return [outcomes[cell] for cell in cells]


def _known(cell: CellSettings, here: Machine, tried: bool) -> Outcome | None:
    """What needs no job; None where the cell is to be computed.

    Args:
        cell: its settings.
        here: where things are looked up.
        tried: whether a job was to train the dense network.
    """
    if tried and not is_trained(cell, here):
        return Outcome(cell, "failed", "its dense network could not be trained")
    return settled(cell, here)


def _computed(cells: Sequence[CellSettings], machine: Machine, engine: Engine) -> Iterator[Outcome]:
    """The outcomes of ``cells``, as their jobs end."""
    with closing(_ended(list(_jobs(cells, machine, engine)), engine)) as jobs:
        for work, job in jobs:
            yield from _results(job) or _lost(work, job)


def _jobs(cells: Iterable[CellSettings], machine: Machine, engine: Engine) -> Iterator[CellsJob]:
    for _, group in groupby(cells, key=network_of):
        own = tuple(group)
        for start in range(0, len(own), engine.cells_per_job):
            yield CellsJob(own[start : start + engine.cells_per_job], machine)


def _ended(
    work: Sequence[CellsJob], engine: Engine
) -> Generator[tuple[CellsJob, Job[list[Outcome]]]]:
    """Submit all of ``work``; each with its job when that has ended.

    Slurm gets everything as one array that limits itself; submitit would start all processes on
    this machine at once, so they are submitted one by one. Whoever closes the iterator cancels
    what still runs.
    """
    waiting = deque(work)
    running: dict[Job[list[Outcome]], CellsJob] = {}
    executor = open_executor(engine) if work else None
    try:
        while executor is not None and (waiting or running):
            room = len(waiting) if engine.cluster == "slurm" else engine.at_a_time - len(running)
            batch = [waiting.popleft() for _ in range(min(room, len(waiting)))]
            if batch:
                with environment_variables(**engine.environment):
                    running.update(zip(executor.submit_array(batch), batch, strict=True))
            for job in [job for job in running if job.done()]:
                yield running.pop(job), job
            time.sleep(POLL_SECONDS[engine.cluster])
    except FailedJobError as error:
        raise TropnncError(f"submitting the jobs: {error}") from error
    finally:
        for job in running:
            job.cancel(check=False)


def _results(job: Job[list[Outcome]]) -> list[Outcome] | None:
    """What ``job`` returned; None where it was killed or raised."""
    # On a network file system the result may come late, and submitit waits for it.
    if isinstance(job, LocalJob) and not job.paths.result_pickle.exists():
        return None
    try:
        return job.result()
    except UncompletedJobError:
        return None


def _lost(work: CellsJob, job: Job[list[Outcome]]) -> list[Outcome]:
    """What a job that ended without a result has left."""
    log = job.paths.stderr
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    reason = lines[-1] if lines else "killed, or out of memory or time?"
    message = f"job {job.job_id} ended without a result: {reason}; its log: {log}"
    here = replace(work.machine, device="cpu")
    found = [settled(cell, here) if is_trained(cell, here) else None for cell in work.cells]
    return [
        Outcome(cell, "failed", message) if outcome is None else outcome
        for cell, outcome in zip(work.cells, found, strict=True)
    ]
