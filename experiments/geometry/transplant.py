"""Every selector on every allocation, at equal neurons, parameters and MACs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from experiments.geometry.table import networks, write_table
from experiments.report.options import parse_options
from experiments.report.statistics import accuracy, grouped, panels
from experiments.report.summary import SummaryRow, parse_settings, read_summary

CAPTION = (
    "Top-1 in %, mean ± sd over n = {networks} dense networks: every selector (line) on the widths"
    " of every allocator (column). Equal: what the network has as much of as the one of uniform"
    " widths at that keep ratio."
)
BUDGETS = ("neurons", "parameters", "macs")
UNIFORM = "uniform"


def write_transplant(experiment: str, results: Path) -> str:
    """Write ``results/tables/EXPERIMENT_transplanted`` from the summary; returns its text."""
    places = panels(read_summary(results / "summary" / f"{experiment}.csv"))
    lines = [line for place, rows in places.items() for line in _lines(place.title, rows)]
    stem = results / "tables" / f"{experiment}_transplanted"
    return write_table(pd.DataFrame(lines), 4, CAPTION.format(networks=networks(places)), stem)


def allocation(row: SummaryRow) -> tuple[str, str]:
    """``(budget, allocator)`` of a row, the allocator with its normalisation if it has one."""
    name, options = parse_options(parse_settings(row.settings)["allocator"])
    normalisation = options.get("normalisation", "none")
    shown = name if normalisation == "none" else f"{name}, {normalisation}"
    return options.get("budget", BUDGETS[0]), shown


def _lines(network: str, rows: Sequence[SummaryRow]) -> Iterable[dict[str, str]]:
    names = {allocation(row)[1] for row in rows}
    allocators = sorted(names, key=lambda name: (name != UNIFORM, name))
    by_cell = grouped(rows, lambda row: (row.ratio, row.tier, row.method, *allocation(row)))
    cells = {key[:3] for key in by_cell}
    for ratio, tier, method in sorted(cells, key=lambda cell: (-cell[0], *cell[1:])):
        for budget in BUDGETS:
            line = {"network": network, "ratio": f"{ratio:g}", "selector": method, "equal": budget}
            for name in allocators:
                # Uniform widths are the measure of every budget.
                equal = BUDGETS[0] if name == UNIFORM else budget
                own = by_cell.get((ratio, tier, method, equal, name))
                line[name] = accuracy(own).text if own else "–"
            yield line
