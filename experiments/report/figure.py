"""Accuracy versus keep ratio, one panel per data set and network."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from matplotlib.typing import RcKeyType

from experiments.report.statistics import accuracy, dense_accuracy, grouped, panels
from experiments.report.summary import SummaryRow
from experiments.report.variants import variants
from tropnnc.files import write_atomic
from tropnnc.unit import Tier

COLUMN_INCHES = 3.4
PANEL_INCHES = 1.9
# Told apart in grey by dash and marker; the colours (Okabe-Ito) only help.
_DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "h", "<", "p", ">")
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7F7F7F")
_STYLE: dict[RcKeyType, Any] = {
    "font.size": 7,
    "axes.titlesize": 7.5,
    "legend.fontsize": 6.5,
    "legend.title_fontsize": 6.5,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.6,
    "svg.hashsalt": "tropnnc",
    "svg.fonttype": "path",
}


def draw(rows: Sequence[SummaryRow]) -> Figure:
    """The figure of a summary, one column wide; methods by tier and name."""
    names = variants(rows)
    order = dict.fromkeys(name for _, name in sorted({(r.tier, names[r.identity]) for r in rows}))
    places = panels(rows)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(COLUMN_INCHES, _height(len(places), len(order))))
        figure.set_layout_engine("constrained")
        axes = figure.subplots(len(places), 1, sharex=True, squeeze=False)[:, 0]
        for axis, ((dataset, arch), cells) in zip(axes, places.items(), strict=True):
            _panel(axis, grouped(cells, lambda row: names[row.identity]), list(order))
            axis.set_title(f"{dataset}, {arch}", loc="left")
        axes[-1].set_xlabel("keep ratio (share of neurons kept)")
        handles = axes[0].get_legend_handles_labels()
        figure.legend(
            *handles,
            loc="outside lower center",
            ncols=3,
            frameon=False,
            handlelength=3.2,
            title=_legend_title(rows),
        )
    return figure


def _sees_images(rows: Sequence[SummaryRow]) -> bool:
    return any(row.tier >= Tier.IMAGES for row in rows)


def _legend_title(rows: Sequence[SummaryRow]) -> str | None:
    return "hollow: the method sees images" if _sees_images(rows) else None


def _height(panel_count: int, methods: int) -> float:
    """Inches: the panels, and the legend (three names a line) below them."""
    return PANEL_INCHES * panel_count + 0.14 * -(-(methods + 1) // 3) + 0.3


def save(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write ``stem`` as PNG (300 dpi) and SVG, the same bytes for the same figure."""
    paths = stem.with_suffix(".png"), stem.with_suffix(".svg")
    with mpl.rc_context(_STYLE):
        for path, metadata in zip(paths, ({"Software": None}, {"Date": None}), strict=True):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=path.suffix[1:], dpi=300, metadata=metadata)
            write_atomic(path, buffer.getvalue())
    return paths


def _panel(axis: Axes, curves: Mapping[str, list[SummaryRow]], names: Sequence[str]) -> None:
    rows = [row for curve in curves.values() for row in curve]
    axis.axhline(dense_accuracy(rows).mean, color="0.35", linewidth=0.7, label="dense")
    for index, name in enumerate(names):
        _curve(axis, curves.get(name, []), name, index)
    ratios = sorted({row.ratio for row in rows})
    axis.set_xscale("log")
    axis.set_xticks(ratios, [f"{ratio:g}" for ratio in ratios])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_ylim(0, 103)
    axis.set_ylabel("top-1 (%)")
    axis.grid(axis="y", color="0.9", linewidth=0.5)
    axis.set_axisbelow(True)


def _curve(axis: Axes, rows: Sequence[SummaryRow], label: str, index: int) -> None:
    by_ratio = sorted(grouped(rows, lambda row: row.ratio).items())
    ratios = [ratio for ratio, _ in by_ratio]
    samples = [accuracy(cells) for _, cells in by_ratio]
    colour = _COLOURS[index % len(_COLOURS)]
    axis.plot(
        ratios,
        [sample.mean for sample in samples],
        label=label,
        color=colour,
        linestyle=_DASHES[index % len(_DASHES)],
        marker=_MARKERS[index % len(_MARKERS)],
        markerfacecolor="white" if _sees_images(rows) else colour,
    )
    low = [sample.mean - sample.sd for sample in samples]
    high = [sample.mean + sample.sd for sample in samples]
    axis.fill_between(ratios, low, high, color=colour, alpha=0.1, linewidth=0)
