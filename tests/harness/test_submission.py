"""A sweep in jobs: only what is missing is submitted, what is lost is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from submitit.core.utils import FailedJobError, UncompletedJobError

from experiments import submission
from experiments.cell import Outcome
from experiments.engine import Engine
from experiments.submission import CellsJob, submit_sweep
from experiments.sweep import SweepInterrupted, run_sweep
from tests.harness.cells import a_cell, machine
from tropnnc import TropnncError

CELLS = [a_cell(method, seed=seed) for seed in (0, 1) for method in ("random", "l1", "l2")]
OPTIONS = {"cpus_per_task": 1}


@dataclass(eq=False)
class FakeJob:
    """Runs its work in this process when it is asked for its result."""

    work: CellsJob
    lost: bool
    log: Path
    cancelled: bool = False
    job_id = "5"

    @property
    def paths(self) -> Any:
        return type("Paths", (), {"stderr": self.log})

    def done(self) -> bool:
        return True

    def cancel(self, check: bool) -> None:
        self.cancelled = not check

    def result(self) -> list[Outcome]:
        if self.lost:
            raise UncompletedJobError
        return self.work()


class FakeExecutor:
    """Keeps what it was given; ``lose`` says which jobs never report."""

    def __init__(self, log: Path, lose: Callable[[CellsJob], bool]) -> None:
        self.log, self.lose = log, lose
        self.batches: list[list[CellsJob]] = []
        self.jobs: list[FakeJob] = []

    def submit_array(self, work: Sequence[CellsJob]) -> list[FakeJob]:
        self.batches.append(list(work))
        jobs = [FakeJob(item, self.lose(item), self.log) for item in work]
        self.jobs += jobs
        return jobs

    @property
    def cells(self) -> list[list[int]]:
        """Numbers of the cells in every job, batch by batch."""
        return [[CELLS.index(c) for c in work.cells] for batch in self.batches for work in batch]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(submission, "POLL_SECONDS", {"local": 0.0, "slurm": 0.0})
    return Engine("slurm", OPTIONS, at_a_time=4, cells_per_job=1)


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeExecutor:
    executor = FakeExecutor(tmp_path / "job.err", lambda _: False)
    monkeypatch.setattr(submission, "open_executor", lambda _: executor)
    return executor


def results(outcomes: Sequence[Outcome]) -> list[Any]:
    records = [outcome.record or {} for outcome in outcomes]
    apart = ("timing", "memory", "checksum")
    return [{key: value for key, value in r.items() if key not in apart} for r in records]


def test_one_cell_of_a_network_goes_ahead_and_trains_it(
    tmp_path: Path, engine: Engine, executor: FakeExecutor
) -> None:
    outcomes = submit_sweep(CELLS, machine(tmp_path), engine)
    assert [outcome.cell for outcome in outcomes] == CELLS
    assert {outcome.status for outcome in outcomes} == {"done"}
    ahead, others = executor.batches
    assert sorted(work.cells[0].seed for work in ahead) == [0, 1]
    assert len(others) == 4
    assert sorted(number for job in executor.cells for number in job) == list(range(6))
    serial = run_sweep(CELLS, machine(tmp_path / "serial"))
    assert results(outcomes) == results(serial)


def test_only_what_is_missing_is_submitted(
    tmp_path: Path, engine: Engine, executor: FakeExecutor
) -> None:
    run_sweep(CELLS[:4], machine(tmp_path))
    outcomes = submit_sweep(CELLS, machine(tmp_path), engine)
    assert executor.cells == [[4], [5]]
    assert [outcome.computed for outcome in outcomes] == [False] * 4 + [True] * 2


def test_a_finished_sweep_needs_neither_cluster_nor_gpu(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sweep(CELLS, machine(tmp_path))
    monkeypatch.setattr(submission, "open_executor", None)
    outcomes = submit_sweep(CELLS, replace(machine(tmp_path), device="cuda"), engine)
    assert [outcome.computed for outcome in outcomes] == [False] * 6


def test_cells_that_wait_for_a_training_are_skipped_without_a_job(
    tmp_path: Path, engine: Engine, executor: FakeExecutor
) -> None:
    outcomes = submit_sweep(CELLS, replace(machine(tmp_path), train_missing=False), engine)
    assert {outcome.status for outcome in outcomes} == {"skipped"}
    assert executor.batches == []


def test_a_job_may_have_several_cells_of_one_network(
    tmp_path: Path, engine: Engine, executor: FakeExecutor
) -> None:
    run_sweep([CELLS[0], CELLS[3]], machine(tmp_path))
    submit_sweep(CELLS, machine(tmp_path), replace(engine, cells_per_job=4))
    assert executor.cells == [[1, 2], [4, 5]]


def test_a_lost_job_is_named_and_what_it_recorded_is_kept(
    tmp_path: Path, engine: Engine, executor: FakeExecutor
) -> None:
    run_sweep([CELLS[0], CELLS[3]], machine(tmp_path))

    def half_done(work: CellsJob) -> bool:
        if CELLS[2] not in work.cells:
            return False
        run_sweep(work.cells[:1], machine(tmp_path))
        return True

    executor.lose = half_done
    executor.log.write_text("Traceback\nslurmstepd: error: out of memory\n")
    outcomes = submit_sweep(CELLS, machine(tmp_path), replace(engine, cells_per_job=2))
    assert [o.status for o in outcomes] == ["done", "done", "failed", "done", "done", "done"]
    assert outcomes[2].message == (
        f"job 5 ended without a result: slurmstepd: error: out of memory; its log: {executor.log}"
    )


def test_the_cells_of_a_network_whose_training_is_lost_are_not_submitted(
    tmp_path: Path, engine: Engine, executor: FakeExecutor
) -> None:
    executor.lose = lambda work: work.cells[0].seed == 1
    outcomes = submit_sweep(CELLS, machine(tmp_path), engine)
    assert [outcome.status for outcome in outcomes] == ["done"] * 3 + ["failed"] * 3
    said = sorted(outcome.message for outcome in outcomes[3:])
    assert said[:2] == ["its dense network could not be trained"] * 2
    assert said[2].startswith("job 5 ended without a result: killed, or out of memory or time?")
    assert [work.cells[0].seed for work in executor.batches[1]] == [0, 0]


def test_ctrl_c_cancels_the_jobs_and_says_what_is_done(
    tmp_path: Path, engine: Engine, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sweep(CELLS[:3], machine(tmp_path))
    run_sweep(CELLS[3:4], machine(tmp_path))

    def interrupted(_: FakeJob) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeJob, "done", interrupted)
    with pytest.raises(SweepInterrupted, match="4 of 6 cells are done"):
        submit_sweep(CELLS, machine(tmp_path), engine)
    assert [job.cancelled for job in executor.jobs] == [True, True]


def test_a_refusal_of_the_cluster_is_one_line(
    tmp_path: Path, engine: Engine, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise FailedJobError("sbatch: error: invalid partition specified: gpu")

    monkeypatch.setattr(executor, "submit_array", refuse)
    with pytest.raises(TropnncError, match=r"^submitting the jobs: sbatch: .* partition"):
        submit_sweep(CELLS, machine(tmp_path), engine)


def test_no_more_processes_than_workers(
    tmp_path: Path, executor: FakeExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sweep([CELLS[0], CELLS[3]], machine(tmp_path))
    monkeypatch.setattr(submission, "POLL_SECONDS", {"local": 0.0})
    submit_sweep(CELLS, machine(tmp_path), Engine("local", OPTIONS, at_a_time=3, cells_per_job=1))
    assert [len(batch) for batch in executor.batches] == [3, 1]
