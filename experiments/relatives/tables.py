"""Tables of the relatives, from summaries alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.geometry.table import write_table
from experiments.relatives.rows import STAGES, Row, Stage
from experiments.relatives.tracks import DENSE, TRACKS
from experiments.report.statistics import grouped, sample

POINTS = 3.0
SMALLEST = (
    "The smallest file of each family that is within {points:g} points of the dense network, before"
    " training and after {steps} steps that are the same for all. Bytes on disk of all weights, the"
    " best lossless codec of each; × : dense float32 over that. Multiply-adds: executed, in % of"
    " the dense network's; storage only where none is saved. One dense network (n = 1): {total}"
    " test images, by which the lines are chosen."
)
CELLS = (
    "Everything measured on {network}. Top-1 in % before and after {steps} steps of training that"
    " are the same for all, with batch norms re-estimated where that was tried, bytes on disk under"
    " the best lossless codec (named), multiply-adds executed (storage only: none is saved), and"
    " needed if zeros were free, in % of the dense network's."
)


def write_smallest(rows: Sequence[Row], results: Path, name: str) -> str:
    """A line per network, stage and family; returns the text."""
    lines = [
        _smallest_line(network, stage, track, own)
        for network, of_network in grouped(rows, lambda row: row.network).items()
        for stage in STAGES
        for track in TRACKS
        if (own := _near(of_network, track, stage)) is not None
    ]
    caption = SMALLEST.format(points=POINTS, steps=_steps(rows), total=_counts(rows))
    return write_table(pd.DataFrame(lines), 4, caption, results / "tables" / f"{name}_smallest")


def write_cells(rows: Sequence[Row], results: Path, name: str) -> str:
    """A line per cell, by family and size; draws of one cell together."""
    order = sorted(rows, key=lambda row: (row.network, TRACKS.index(row.track), -row.bytes))
    cells = grouped(order, lambda row: (row.network, row.track, row.label, row.steps))
    networks = ", ".join(dict.fromkeys(row.network for row in rows))
    caption = CELLS.format(network=networks, steps=_steps(rows))
    frame = pd.DataFrame([_cell_line(own) for own in cells.values()])
    return write_table(frame, 3, caption, results / "tables" / name)


def _near(rows: Sequence[Row], track: str, stage: Stage) -> Row | None:
    """The smallest of a family within :data:`POINTS` of the dense network."""
    near = [
        row
        for row in rows
        if row.track == track
        and row.has(stage)
        and row.accuracy(stage) >= 100 * row.dense_correct / row.total - POINTS
    ]
    return min(near, key=lambda row: row.size(stage), default=None)


def _smallest_line(network: str, stage: Stage, track: str, row: Row) -> dict[str, str]:
    size = row.size(stage)
    return {
        "network": network,
        "training": stage,
        "family": track,
        "how": row.label,
        "top-1": f"{row.accuracy(stage):.2f}",
        "bytes": f"{size:,}",
        "×": f"{row.dense_bytes / size:.1f}",
        "codec": row.codec if stage == "before" else row.trained_codec or row.codec,
        "multiply-adds": _executed(row),
    }


def _cell_line(own: Sequence[Row]) -> dict[str, str]:
    row = own[0]
    again = row.recalibrated_correct
    trained = sample(each.accuracy("after") for each in own)
    formal = "" if row.formal_macs is None else _share(row.formal_macs, row)
    return {
        "network": row.network,
        "family": row.track,
        "how": row.label,
        "top-1": f"{sample(each.accuracy('before') for each in own).mean:.2f}",
        "batch norm": "" if again is None else f"{100 * again / row.total:.2f}",
        "trained": trained.text if row.trained_correct is not None else "",
        "bytes": f"{row.bytes:,}",
        "trained bytes": "" if row.trained_bytes is None else f"{row.trained_bytes:,}",
        "codec": row.codec,
        "multiply-adds": _executed(row),
        "formal": formal,
    }


def _executed(row: Row) -> str:
    only = ", storage only" if row.storage_only and row.track != DENSE else ""
    return f"{_share(row.macs, row)}{only}"


def _share(macs: int, row: Row) -> str:
    return f"{100 * macs / row.dense_macs:.1f}"


def _steps(rows: Sequence[Row]) -> str:
    return " or ".join(f"{steps:,}" for steps in sorted({row.steps for row in rows} - {0})) or "no"


def _counts(rows: Sequence[Row]) -> str:
    return " or ".join(f"{total:,}" for total in sorted({row.total for row in rows}))
