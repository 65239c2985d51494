"""Where a track keeps what, and its committed summaries: CSV files from which all is reported."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from experiments.manifest import experiment_records
from experiments.record import Record
from experiments.report.command import QUICK
from experiments.report.csv_rows import read_rows
from tropnnc.errors import TropnncError

Row = TypeVar("Row")


@dataclass(frozen=True)
class Track:
    """A small harness beside the benchmark.

    Attributes:
        name: of its package in ``experiments``, and of the folders of its records and summaries.
        command: what runs an experiment, up to its name; empty: the package does.
    """

    name: str
    command: str = ""

    def summary_path(self, results: Path, experiment: str) -> Path:
        """Where the committed summary of an experiment is."""
        return results / "summary" / self.name / f"{experiment}.csv"

    def records(self, results: Path, experiment: str) -> list[Record] | None:
        """The settled records of the experiment's cells; None where it has not been run here.

        Raises:
            TropnncError: some are missing.
        """
        return experiment_records(results / "runs" / self.name, experiment, self._run)

    def read_summary(self, results: Path, experiment: str, kind: type[Row]) -> list[Row]:
        """The rows of an experiment, at least one.

        Raises:
            TropnncError: no such summary, one without rows, or one that is not accepted.
        """
        path = self.summary_path(results, experiment)
        if not path.exists():
            raise TropnncError(f"no {path}; run it first: {self._run}{experiment}")
        rows = read_rows(path, kind)
        if not rows:
            raise TropnncError(f"{path} has no rows; run it again: {self._run}{experiment}")
        return rows

    def known(self, results: Path, experiments: Iterable[str], suffix: str) -> Sequence[str]:
        """Those of ``experiments`` that have a summary or are complete on this disk.

        With a ``suffix`` the quick variants, else the others.
        """
        complete = results / "runs" / self.name / "experiments"
        return [
            name
            for name in experiments
            if name.endswith(QUICK) == bool(suffix)
            and (self.summary_path(results, name).exists() or (complete / f"{name}.json").exists())
        ]

    @property
    def _run(self) -> str:
        return self.command or f"python -m experiments.{self.name} run "
