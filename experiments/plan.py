"""What a sweep would do, before it does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.bench import open_bench
from experiments.cell import cell_identity
from experiments.estimates import Timings, about
from experiments.networks import (
    by_network,
    is_to_be_trained,
    network_of,
    obstacle,
    one_per_network,
)
from experiments.record import read_attempt
from experiments.settings import CellSettings, Machine


@dataclass(frozen=True)
class Plan:
    """Numbers of cells by what is on disk, networks to train, and the time for it all.

    ``seconds`` is NaN where nothing like it was timed.
    """

    done: int
    skipped: int
    failed: int
    missing: int
    networks: int
    seconds: float

    @property
    def text(self) -> str:
        """A few lines."""
        cells = self.done + self.skipped + self.failed + self.missing
        return (
            f"{cells} cells: {self.done} done, {self.skipped} skipped,"
            f" {self.missing} missing, {self.failed} failed before\n"
            f"{self.networks} networks to train\n"
            f"{about(self.seconds)}"
        )


def make_plan(cells: Sequence[CellSettings], machine: Machine) -> Plan:
    """Look at what is on disk; nothing is trained or computed.

    The cells of a network that is to be trained count as missing.
    """
    absent = [cell for cell in one_per_network(cells) if is_to_be_trained(cell, machine)]
    networks = {network_of(cell) for cell in absent}
    statuses = ["missing"] * len(cells)
    for index in by_network(cells):
        if network_of(cells[index]) not in networks:
            statuses[index] = _status(cells[index], machine)
    pairs = zip(cells, statuses, strict=True)
    ahead = [cell for cell, status in pairs if status in ("missing", "failed")]
    seconds = Timings(machine.runs_dir).total(ahead, absent)
    done, skipped, failed, missing = map(statuses.count, ("done", "skipped", "failed", "missing"))
    return Plan(done, skipped, failed, missing, len(absent), seconds)


def _status(cell: CellSettings, machine: Machine) -> str:
    if obstacle(cell, machine) is not None:
        return "skipped"
    record = read_attempt(machine.runs_dir, cell_identity(cell, open_bench(cell, machine)))
    return "missing" if record is None else record["status"]
