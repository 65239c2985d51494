"""Bound against the largest error seen, a point per unit, ratio, dense network and method."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.geometry.rows import BoundRow
from experiments.report.style import STYLE, dress, grid, legend
from experiments.report.summary import TIERS

COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000"),
    *("#E69F00", "#56B4E9", "#7F7F7F", "#882255"),
)
MARKERS = ("o", "s", "^", "D", "v", "P", "h", "<", "p")
LINES = (10, 100, 1000)
MARGIN = 1.4
KINDS = (
    ("ℓ2, certified bound", "bound", "largest_l2"),
    ("ℓ1, (B1) from above", "b1_upper", "largest_l1"),
)


def draw(rows: Sequence[BoundRow]) -> Figure:
    """A panel per network (down) and norm (across), both axes logarithmic and alike."""
    methods = [name for _, name in sorted({(TIERS.index(r.needs), r.method) for r in rows})]
    networks = sorted({(row.dataset, row.arch) for row in rows})
    with mpl.rc_context(STYLE):
        figure, axes = grid(len(networks), len(KINDS), methods)
        for line, network in zip(axes, networks, strict=True):
            own = [row for row in rows if (row.dataset, row.arch) == network]
            for axis, (title, bound, error) in zip(line, KINDS, strict=True):
                _draw_panel(axis, own, methods, bound, error)
                dress(axis, f"{', '.join(network)}: {title}")
                axis.label_outer()
        for axis in axes[-1]:
            axis.set_xlabel("largest error seen on test images")
        for axis in axes[:, 0]:
            axis.set_ylabel("bound")
        _limit(axes[0, 0], rows)
        legend(figure, axes.flat, len(KINDS), "lines: the bound is 10, 100, 1,000 times the error")
    return figure


def _draw_panel(
    axis: Axes, rows: Sequence[BoundRow], methods: Sequence[str], bound: str, error: str
) -> None:
    for index, method in enumerate(methods):
        own = [row for row in rows if row.method == method and getattr(row, bound) is not None]
        axis.plot(
            [getattr(row, error) for row in own],
            [getattr(row, bound) for row in own],
            MARKERS[index % len(MARKERS)],
            color=COLOURS[index % len(COLOURS)],
            markersize=2.8,
            markeredgewidth=0.3,
            alpha=0.75,
            label=method,
        )
    axis.set_xscale("log")
    axis.set_yscale("log")
    for factor in LINES:
        axis.axline((1, factor), (10, 10 * factor), color="0.75", linewidth=0.6, zorder=0)


def _limit(axis: Axes, rows: Sequence[BoundRow]) -> None:
    """The range of the points, on both axes that all panels share."""
    for limit, names in (
        (axis.set_xlim, [error for _, _, error in KINDS]),
        (axis.set_ylim, [bound for _, bound, _ in KINDS]),
    ):
        values = [v for row in rows for name in names if (v := getattr(row, name)) is not None]
        limit(min(values) / MARGIN, max(values) * MARGIN)
