"""Cells by their settings: among the committed rows, on disk, or computed now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from experiments.bench import open_bench
from experiments.cell import cell_config, cell_identity, cell_versions, run_cell
from experiments.data import load_dataset
from experiments.identity import digest, identity_parts
from experiments.networks import is_trained
from experiments.record import read_record
from experiments.report.rows import summary_row
from experiments.report.summary import SummaryRow, read_summary
from experiments.settings import CellSettings, Machine
from tropnnc.errors import TropnncError

Committed = Mapping[str, SummaryRow]


def committed_rows(results: Path) -> dict[str, SummaryRow]:
    """Every row of ``results/summary``, by identity."""
    paths = sorted((results / "summary").glob("*.csv"))
    return {row.identity: row for path in paths for row in read_summary(path)}


@dataclass(frozen=True)
class Cells:
    """Where cells come from.

    Attributes:
        machine: where they run.
        committed: rows by identity.
    """

    machine: Machine
    committed: Committed

    def find(self, cell: CellSettings) -> SummaryRow | None:
        """The row of ``cell`` without computing anything; None where there is none."""
        row = self._committed(cell)
        if row is not None or not is_trained(cell, self.machine):
            return row
        identity = cell_identity(cell, open_bench(cell, self.machine))
        record = read_record(self.machine.runs_dir, identity)
        return None if record is None else summary_row(record)

    def compute(self, cell: CellSettings) -> SummaryRow:
        """The row of ``cell``, computed and recorded.

        Raises:
            TropnncError: the cell failed, in its last line.
        """
        outcome = run_cell(cell, self.machine)
        if outcome.record is None or outcome.status == "failed":
            raise TropnncError(outcome.message.strip().splitlines()[-1])
        return summary_row(outcome.record)

    def _committed(self, cell: CellSettings) -> SummaryRow | None:
        found = (identity_on(cell, name, self.machine) for name in self._checkpoints(cell))
        return next((self.committed[i] for i in found if i in self.committed), None)

    def _checkpoints(self, cell: CellSettings) -> Iterable[str]:
        """Dense networks on which the cell may have been committed."""
        return {row.checkpoint: None for row in self.committed.values() if may_be(row, cell)}


def may_be(row: SummaryRow, cell: CellSettings) -> bool:
    """Whether ``row`` and ``cell`` agree in what is quickly compared; the identity decides."""
    return (row.dataset, row.ratio, row.seed) == (cell.dataset.name, cell.ratio, cell.seed)


def identity_on(
    cell: CellSettings, checkpoint: str, machine: Machine, versions: Mapping[str, int] | None = None
) -> str:
    """The identity of ``cell`` on dense weights of that hash, by default with our versions."""
    data = load_dataset(cell.dataset.name, machine.data_dir).fingerprint
    versions = cell_versions(cell) if versions is None else versions
    return digest(identity_parts(cell_config(cell), checkpoint, data, dict(versions)))
