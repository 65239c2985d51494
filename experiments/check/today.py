"""The cell of today behind a committed row."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache, partial

from experiments.cell import cell_versions
from experiments.check.composing import CONF, experiment_cells
from experiments.check.draw import Drawn
from experiments.check.lookup import identity_on, may_be
from experiments.compose import Job
from experiments.report.summary import SummaryRow
from experiments.settings import CellSettings, Machine


@cache
def cell_of_today(drawn: Drawn, machine: Machine) -> CellSettings | str:
    """The cell of today whose identity is that of the row, or why there is none."""
    if not (CONF / "experiment" / f"{drawn.experiment}.yaml").exists():
        return f"no conf/experiment/{drawn.experiment}.yaml"
    row = drawn.row
    cells = []
    # Most methods have one file, of their name: then the others need not be composed.
    for own in (True, False):
        for cell in experiment_cells(drawn.experiment, partial(_may_make, row, own)):
            if may_be(row, cell) and identity_on(cell, row.checkpoint, machine) == row.identity:
                return cell
            cells.append(cell)
    for cell in cells:
        for versions in _older(cell) if may_be(row, cell) else ():
            if identity_on(cell, row.checkpoint, machine, versions) == row.identity:
                return f"made with versions {versions}, now {cell_versions(cell)}"
    return "its configuration, the schema or the data has changed"


def _may_make(row: SummaryRow, own: bool, job: Job) -> bool:
    """Whether ``job`` agrees with ``row`` in what it says, by the method's ``own`` file or not."""
    said = dict(line.split("=", 1) for line in job)
    return (
        int(said.get("seed", row.seed)) == row.seed
        and float(said.get("ratio", row.ratio)) == row.ratio
        and said.get("dataset", row.dataset) == row.dataset
        and (said.get("method") == row.method) is own
    )


def _older(cell: CellSettings) -> Iterator[dict[str, int]]:
    versions = cell_versions(cell)
    for numbers in itertools.product(*(range(1, number + 1) for number in versions.values())):
        yield dict(zip(versions, numbers, strict=True))
