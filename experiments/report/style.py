"""How figures look, told apart in grey by dash and marker; colours (Okabe-Ito) only help."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from experiments.report.statistics import Sample
from tropnnc.files import write_atomic

COLUMN_INCHES = 3.4
PANEL_INCHES = 1.9
LEGEND_NAMES = 3
# Of a column of panels: characters of the legend's size, handles and spaces included.
LEGEND_CHARACTERS = 72
HANDLE_CHARACTERS = 8
TITLE_CHARACTERS = 46
_DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (8, 2)), (0, (3, 1, 1, 1, 1, 1)))
_MARKERS = ("o", "s", "^", "D", "v", "P", "h", "<", "p", ">")
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7F7F7F")
STYLE: dict[RcKeyType, Any] = {
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


def grid(rows: int, columns: int, names: Sequence[str]) -> tuple[Figure, Any]:
    """A figure and its axes ``[rows, columns]``, with room for a legend of ``names``."""
    labels = _wrapped(names)
    lines = -(-len(labels) // _names_per_line(labels, columns)) + "".join(labels).count("\n")
    legend = 0.14 * lines + 0.3
    figure = Figure(figsize=(COLUMN_INCHES * columns, PANEL_INCHES * rows + legend))
    figure.set_layout_engine("constrained")
    return figure, figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)


def _wrapped(names: Sequence[str]) -> list[str]:
    """The names, those in lines that are too long for one column of panels."""
    return [textwrap.fill(name, LEGEND_CHARACTERS - HANDLE_CHARACTERS) for name in names]


def _names_per_line(labels: Sequence[str], columns: int) -> int:
    """As many as fit beside their handles, at most three per column of panels; they run down."""
    for count in range(LEGEND_NAMES * columns, 1, -1):
        below = [own.tolist() for own in np.array_split(labels, count) if len(own)]
        widths = [max(map(len, own)) + HANDLE_CHARACTERS for own in below]
        if sum(widths) <= LEGEND_CHARACTERS * columns:
            return count
    return 1


def colour(index: int) -> str:
    """The colour of the method drawn as number ``index``."""
    return _COLOURS[index % len(_COLOURS)]


def plot(
    axis: Axes, xs: Sequence[float], samples: Sequence[Sample], label: str, index: int, hollow: bool
) -> None:
    """A method's means over ``xs`` and the band of one standard deviation."""
    own = colour(index)
    axis.plot(
        xs,
        [sample.mean for sample in samples],
        label=label,
        color=own,
        linestyle=_DASHES[index % len(_DASHES)],
        marker=_MARKERS[index % len(_MARKERS)],
        markerfacecolor="white" if hollow else own,
    )
    low = [sample.mean - sample.sd for sample in samples]
    high = [sample.mean + sample.sd for sample in samples]
    axis.fill_between(xs, low, high, color=own, alpha=0.1, linewidth=0)


def dots(axis: Axes, xs: Sequence[float], ys: Sequence[float], index: int) -> None:
    """Figures of others for the method that :func:`plot` draws as ``index``: hollow, no line."""
    axis.plot(
        xs,
        ys,
        color=colour(index),
        linestyle="none",
        marker=_MARKERS[index % len(_MARKERS)],
        markerfacecolor="white",
        markeredgewidth=0.6,
    )


def dress(axis: Axes, title: str) -> None:
    """What all panels have: a title, a light grid."""
    lines = [textwrap.fill(line, TITLE_CHARACTERS) for line in title.splitlines()]
    axis.set_title("\n".join(lines), loc="left")
    axis.grid(axis="y", color="0.9", linewidth=0.5)
    axis.set_axisbelow(True)


def legend(figure: Figure, axes: Sequence[Axes], columns: int, title: str | None) -> None:
    """One legend below the panels for the names in any of them."""
    handles: dict[str, Any] = {}
    for axis in axes:
        handles |= dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    labels = _wrapped(list(handles))
    figure.legend(
        list(handles.values()),
        labels,
        loc="outside lower center",
        ncols=_names_per_line(labels, columns),
        frameon=False,
        handlelength=2.6,
        handletextpad=0.5,
        columnspacing=1.0,
        title=title,
    )


def save(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write ``stem`` as PNG (300 dpi) and SVG, the same bytes for the same figure."""
    paths = stem.with_suffix(".png"), stem.with_suffix(".svg")
    with mpl.rc_context(STYLE):
        for path, metadata in zip(paths, ({"Software": None}, {"Date": None}), strict=True):
            buffer = io.BytesIO()
            figure.savefig(buffer, format=path.suffix[1:], dpi=300, metadata=metadata)
            write_atomic(path, buffer.getvalue())
    return paths
