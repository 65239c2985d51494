"""Tables and the figure of a communication experiment, from its summary alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.figure import Figure

from experiments.communication.options import NONE
from experiments.communication.rows import TRACK, CommunicationRow, renewed_rows
from experiments.geometry.table import write_table
from experiments.report.statistics import grouped, sample
from experiments.report.style import STYLE, dress, grid, legend, plot, save

BANDWIDTH = 100e6  # bits per second
BYTES = (
    "Gradients of {steps} steps of fine-tuning in two processes. Bytes that a process sends in a"
    " step, measured: positions, values, headers, and tensors of at most 1,000 entries as they are;"
    " of an all-gather, without the padding to equal lengths. Share: of float32. Top-1 on {total:,}"
    " test images ({dense:.2f} % of the dense network, {before:.2f} % before fine-tuning); n = 1."
    " Error feedback is on. Filters: false positives a tenth of the share that is kept."
)
SECONDS = (
    "The same: milliseconds of the hook in a step, waiting for the other process included, and of"
    " the whole step (median), both processes on one machine, where compression saves nothing; and"
    " by formula, 8 · bytes / bandwidth, what a process would send for at 100 Mbit/s."
)


def report(name: str, results: Path) -> tuple[str, list[Path]]:
    """Write the tables and the figure of an experiment; their text and the paths written.

    Raises:
        TropnncError: neither cells nor a summary of it.
    """
    rows = renewed_rows(results, name)
    text = f"{_bytes_table(rows, results, name)}\n\n{_seconds_table(rows, results, name)}"
    drawn = save(figure(rows), results / "figures" / f"{name}_bytes")
    return text, [TRACK.summary_path(results, name), *drawn]


def figure(rows: Sequence[CommunicationRow]) -> Figure:
    """Top-1 after equal steps over the bytes of a step; the points of a line keep 1 and 10 %."""
    curves = grouped(rows, lambda row: row.curve)
    with mpl.rc_context(STYLE):
        drawn, axes = grid(1, 2, list(curves))
        for axis in axes[0, 1:]:
            axis.remove()
        axis = axes[0, 0]
        axis.set_subplotspec(axes[0, 0].get_gridspec()[0, :])
        for index, (label, own) in enumerate(curves.items()):
            points = sorted(own, key=lambda row: row.bytes_per_step)
            places = [row.bytes_per_step for row in points]
            plot(axis, places, [sample([row.accuracy]) for row in points], label, index, False)
        axis.set_xscale("log")
        axis.set_xlabel("bytes that a process sends in a step")
        axis.set_ylabel("top-1 (%)")
        dress(axis, f"after {rows[0].steps} steps" if rows else "")
        legend(drawn, [axis], 2, None)
    return drawn


def _bytes_table(rows: Sequence[CommunicationRow], results: Path, name: str) -> str:
    plain = [row.accuracy for row in rows if row.codec == NONE]
    lines = [
        {
            **_head(row),
            "bytes a step": f"{row.bytes_per_step:,.0f}",
            "share (%)": f"{100 * row.share:.2f}",
            "top-1 (%)": f"{row.accuracy:.2f}",
            "against none": f"{row.accuracy - plain[0]:+.2f}" if plain else "–",
        }
        for row in rows
    ]
    first = rows[0]
    caption = BYTES.format(
        steps=first.steps,
        total=first.total,
        dense=100 * first.dense / first.total,
        before=100 * first.before / first.total,
    )
    return write_table(pd.DataFrame(lines), 3, caption, results / "tables" / f"{name}_bytes")


def _seconds_table(rows: Sequence[CommunicationRow], results: Path, name: str) -> str:
    lines = [
        {
            **_head(row),
            "hook (ms)": _milliseconds(row.hook_seconds),
            "step (ms)": _milliseconds(row.step_seconds),
            "at 100 Mbit/s (ms)": _milliseconds(8 * row.bytes_per_step / BANDWIDTH),
        }
        for row in rows
    ]
    return write_table(pd.DataFrame(lines), 3, SECONDS, results / "tables" / f"{name}_seconds")


def _head(row: CommunicationRow) -> dict[str, str]:
    kept = f"{100 * row.keep:g} %" if row.keep else "–"
    return {"codec": row.codec, "kept": kept, "values": row.values or "–"}  # noqa: PD011  (not of pandas)


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{1000 * seconds:.1f}"
