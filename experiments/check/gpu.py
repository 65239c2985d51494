"""``make gpu-smoke``: a few committed cells on the GPU, image by image against the CPU."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from experiments.bench import open_bench
from experiments.cell import cell_identity, run_cell
from experiments.check.draw import Drawn, random_order
from experiments.check.today import cell_of_today
from experiments.console import say
from experiments.evaluation import resolve_device, unpack_bits
from experiments.networks import is_trained, obstacle
from experiments.record import Record, read_record
from experiments.report.rows import summary_row
from experiments.report.summary import TIERS
from experiments.settings import CellSettings, Machine
from experiments.time_limit import OutOfTime, time_limit
from tropnnc.errors import TropnncError

# Sums in another order flip the images whose two best logits are equal to the last digits.
TOLERANCE = 0.0005
DATASETS = ("cifar10", "cifar100")


@dataclass(frozen=True)
class Agreement:
    """In how many of ``total`` test images two evaluations of a cell differ."""

    differing: int
    total: int

    @property
    def holds(self) -> bool:
        """Whether no more differ than rounding explains."""
        return self.differing <= TOLERANCE * self.total


def agreement(cpu: Record, gpu: Record) -> Agreement:
    """The worst stage of two records of one cell, the dense network included.

    Raises:
        TropnncError: they are not of the same cell, or one is not done.
    """
    if cpu["identity"] != gpu["identity"] or {cpu["status"], gpu["status"]} != {"done"}:
        raise TropnncError("two records of one cell, both done, are accepted")
    pairs = zip(_stages(cpu), _stages(gpu), strict=True)
    counts = [int((unpack_bits(one) != unpack_bits(other)).sum()) for one, other in pairs]
    return Agreement(max(counts), cpu["dense"]["total"])


def gpu_smoke(machine: Machine, number: int, seed: int, minutes: float) -> bool:
    """Compute ``number`` committed cells on CUDA and on the CPU; whether some agree and none not.

    A cell of the CPU is read from its record where there is one; otherwise it is computed here,
    and its digest compared with the committed one. Methods that need images are left out: two
    units of nearly equal merit may change places there, which is no fault.

    Raises:
        TropnncError: no CUDA device here, or nothing of CIFAR committed.
    """
    resolve_device("cuda")
    cells = _cells(machine, number, seed)
    agreed = []
    with tempfile.TemporaryDirectory() as folder, suppress(OutOfTime), time_limit(60 * minutes):
        there = replace(machine, results_dir=Path(folder), device="cuda")
        for drawn, cell in cells:
            cpu = _on_cpu(cell, replace(machine, device="cpu"))
            found = agreement(cpu, _done(cell, there))
            same = summary_row(cpu).bits_sha256 == drawn.row.bits_sha256
            reference = "as committed" if same else "NOT as committed, on this CPU"
            verdict = "agree" if found.holds else "DIFFER"
            counted = f"{found.differing} of {found.total:,} images differ"
            say(f"{verdict}: {cell.label}: {counted} ({reference})")
            agreed.append(found.holds)
    say(f"{len(agreed)} of {len(cells)} cells compared; at most {TOLERANCE:.2%} may differ")
    return bool(agreed) and all(agreed)


def _cells(machine: Machine, number: int, seed: int) -> list[tuple[Drawn, CellSettings]]:
    """The first cells of the random order whose networks are at hand."""
    found: list[tuple[Drawn, CellSettings]] = []
    for drawn in random_order(machine.results_dir, seed):
        row = drawn.row
        if row.dataset not in DATASETS or row.status != "done" or row.needs != TIERS[0]:
            continue
        if row.finetuned_correct is not None or len(found) == number:
            continue
        cell = cell_of_today(drawn, machine)
        if isinstance(cell, str) or obstacle(cell, machine) or not is_trained(cell, machine):
            continue
        found.append((drawn, cell))
    if not found:
        raise TropnncError(
            f"no committed cell of {' or '.join(DATASETS)} whose network is here; results/summary"
            " has them after make reproduce-cifar"
        )
    return found


def _on_cpu(cell: CellSettings, machine: Machine) -> Record:
    record = read_record(machine.runs_dir, cell_identity(cell, open_bench(cell, machine)))
    if record is not None:
        return record
    with tempfile.TemporaryDirectory() as folder:
        return _done(cell, replace(machine, results_dir=Path(folder)))


def _done(cell: CellSettings, machine: Machine) -> Record:
    outcome = run_cell(cell, machine)
    if outcome.record is None or outcome.status != "done":
        raise TropnncError(outcome.message.strip().splitlines()[-1])
    return outcome.record


def _stages(record: Record) -> Sequence[dict[str, Any]]:
    recalibrated = record.get("recalibrated", {})
    return [record["dense"], record["compressed"], *recalibrated.values()]
