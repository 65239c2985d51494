"""Accuracy against bytes on disk, and against multiply-adds, from summaries alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.relatives.rows import STAGES, Row, Stage
from experiments.relatives.tracks import TRACKS
from experiments.report.statistics import Sample, grouped, sample
from experiments.report.style import (
    COLUMN_INCHES,
    PANEL_INCHES,
    STYLE,
    dress,
    legend,
    plot,
)

# Of the panels: points below the dense network, where the axis ends.
DEPTH = 30.0
TITLES = {"before": "as rewritten", "after": "after {steps} steps, the same for all"}
Cost = Callable[[Row, Stage], float]


def bytes_figure(rows: Sequence[Row]) -> Figure:
    """Top-1 over the bytes of the smallest lossless file."""
    label = "bytes on disk, best lossless codec"
    tracks = {row.track for row in rows}
    return _figure(rows, lambda row, stage: row.size(stage), label, tracks)


def macs_figure(rows: Sequence[Row]) -> Figure:
    """Top-1 over multiply-adds executed, of the families that save any."""
    saving = {row.track for row in rows if not row.storage_only}
    return _figure(rows, lambda row, _: row.macs, "multiply-adds executed per image", saving)


def front(points: Sequence[tuple[float, Sample]]) -> list[tuple[float, Sample]]:
    """Those that no other one of the family beats, by rising cost."""
    best: list[tuple[float, Sample]] = []
    for cost, found in sorted(points, key=lambda point: (point[0], -point[1].mean)):
        if not best or found.mean > best[-1][1].mean:
            best.append((cost, found))
    return best


def _figure(rows: Sequence[Row], cost: Cost, label: str, tracks: Collection[str]) -> Figure:
    """A panel per stage; each family of ``tracks`` by its front, the dense network by a line."""
    dense = 100 * rows[0].dense_correct / rows[0].total
    steps = " or ".join(f"{steps:,}" for steps in sorted({row.steps for row in rows} - {0}))
    stages: list[Stage] = [stage for stage in STAGES if stage == "before" or steps]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN_INCHES, len(stages) * 1.5 * PANEL_INCHES + 0.9))
        figure.set_layout_engine("constrained")
        axes = list(figure.subplots(len(stages), 1, sharex=True, squeeze=False)[:, 0])
        for axis, stage in zip(axes, stages, strict=True):
            axis.axhline(dense, color="0.35", linewidth=0.7, label="dense")
            axis.set_ylim(max(0.0, dense - DEPTH), dense + DEPTH / 20)
            _fronts(axis, [row for row in rows if row.track in tracks], cost, stage)
            axis.set_xscale("log")
            axis.set_ylabel("top-1 (%)")
            axis.tick_params(labelbottom=True)
            dress(axis, f"{rows[0].network}, {TITLES[stage].format(steps=steps)}")
        shown = {name for axis in axes for name in axis.get_legend_handles_labels()[1]}
        below = [track for track in TRACKS if track in tracks and track not in shown]
        axes[-1].set_xlabel(f"{label} (below the axes: {', '.join(below)})" if below else label)
        legend(figure, axes, 2, None)
    return figure


def _fronts(axis: Axes, rows: Sequence[Row], cost: Cost, stage: Stage) -> None:
    """Of every family that has a point within the axis."""
    floor = axis.get_ylim()[0]
    for index, track in enumerate(TRACKS):
        own = [row for row in rows if row.track == track and row.has(stage)]
        cells = grouped(own, lambda row: (row.label, row.steps)).values()
        points = front(
            [
                (sample(cost(row, stage) for row in cell).mean, _accuracy(cell, stage))
                for cell in cells
            ]
        )
        if points and points[-1][1].mean >= floor:
            xs, ys = zip(*points, strict=True)
            plot(axis, xs, ys, track, index, hollow=track == "dense")


def _accuracy(cell: Sequence[Row], stage: Stage) -> Sample:
    return sample(row.accuracy(stage) for row in cell)
