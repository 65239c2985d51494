"""Latency: its own CSV and table, ratios to the dense network computed from the medians."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd

from experiments.report.csv_rows import read_rows, write_rows
from experiments.report.render import to_latex_table
from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic


@dataclass(frozen=True)
class LatencyRow:
    """One network at one batch size; the dense one has no ``widths``."""

    arch: str
    options: str
    widths: str
    parameters: int
    batch: int
    rounds: int
    seconds: float


def csv_path(results: Path, experiment: str) -> Path:
    """Where the rows of ``experiment`` are committed."""
    return results / "summary" / "latency" / f"{experiment}.csv"


def write_latency(rows: Sequence[LatencyRow], path: Path) -> None:
    """Write the CSV."""
    write_rows(path, LatencyRow, map(astuple, rows))


def read_latency(path: Path) -> list[LatencyRow]:
    """The rows that :func:`write_latency` wrote.

    Raises:
        TropnncError: not readable, other columns, or an entry that is not accepted.
    """
    return read_rows(path, LatencyRow)


def frame(rows: Sequence[LatencyRow]) -> pd.DataFrame:
    """One line per (network, widths): milliseconds and the share of the dense network's."""
    dense = {(row.arch, row.options, row.batch): row.seconds for row in rows if not row.widths}
    lines: dict[tuple[str, str, str], dict[str, str]] = {}
    for row in rows:
        network = f"{row.arch} {row.options}".rstrip()
        line = lines.setdefault(
            (row.arch, row.options, row.widths),
            {
                "network": network,
                "widths": row.widths or "dense",
                "parameters": f"{row.parameters:,}",
            },
        )
        line[f"ms, batch {row.batch}"] = f"{1000 * row.seconds:.3f}"
        line[f"× dense, batch {row.batch}"] = (
            f"{row.seconds / dense[row.arch, row.options, row.batch]:.2f}"
        )
    return pd.DataFrame(list(lines.values()))


def write_tables(experiment: str, results: Path) -> str:
    """Write ``results/tables/EXPERIMENT_latency`` from the CSV; returns its text.

    Raises:
        TropnncError: a CSV that is not accepted, or without a row.
    """
    rows = read_latency(csv_path(results, experiment))
    if not rows:
        raise TropnncError(f"{csv_path(results, experiment)}: no row")
    table = frame(rows)
    stem = results / "tables" / f"{experiment}_latency"
    caption = f"Median of {rows[0].rounds} interleaved runs on one thread, in milliseconds."
    alignment = ("left", "left", *("right" for _ in table.columns[2:]))
    text = str(table.to_markdown(index=False, disable_numparse=True, colalign=alignment))
    write_atomic(stem.with_suffix(".md"), f"**{caption}**\n\n{text}\n".encode())
    write_atomic(stem.with_suffix(".tex"), to_latex_table(table, 2, caption).encode())
    return f"{caption}\n{text}"
