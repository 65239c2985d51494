"""Accuracy versus keep ratio and versus epochs of fine-tuning: panels by network and scope.

Epochs are drawn in a panel per keep ratio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from experiments.report.statistics import (
    Place,
    accuracy,
    accuracy_after,
    dense_accuracy,
    grouped,
    panels,
)
from experiments.report.style import STYLE, TITLE_CHARACTERS, dress, grid, legend, plot
from experiments.report.summary import SummaryRow
from experiments.report.variants import is_rescaled, variants
from tropnnc.unit import Tier

# Nobody can tell more of them apart.
MOST_CURVES = 24


def figures(rows: Sequence[SummaryRow]) -> dict[str, Figure]:
    """The figures of a summary by the suffix of their names: what varies is drawn.

    None where there are more than :data:`MOST_CURVES` variants, since an ablation is for tables,
    and of rescaled networks, whose mean says nothing.
    """
    if len(set(variants(rows).values())) > MOST_CURVES or any(map(is_rescaled, rows)):
        return {}
    curves = [row for row in rows if row.curve]
    drawn = {"_curve": _draw(curves, _EPOCHS)} if curves else {}
    if len({row.ratio for row in rows}) > 1 or not curves:
        drawn[""] = _draw(rows, _RATIOS)
    return drawn


@dataclass(frozen=True)
class _View:
    """What a figure shows.

    Attributes:
        curve: draws a method's cells by name, the how manyth of all.
        dress_x: the axis below.
        column: what tells panels of one network and scope apart, in the order of the panels.
    """

    curve: Callable[[Axes, Sequence[SummaryRow], str, int], None]
    dress_x: Callable[[Axes, Sequence[SummaryRow]], None]
    column: Callable[[SummaryRow], float]


@dataclass(frozen=True)
class _Panel:
    place: Place
    column: float
    cells: Sequence[SummaryRow]

    @property
    def network(self) -> tuple[str, str]:
        return self.place.dataset, self.place.arch

    @property
    def across(self) -> tuple[str, float]:
        return self.place.scope, self.column


def _draw(rows: Sequence[SummaryRow], view: _View) -> Figure:
    """A row of panels per network, scopes and the view's columns across; methods by tier, name."""
    names = variants(rows)
    order = dict.fromkeys(name for _, name in sorted({(r.tier, names[r.identity]) for r in rows}))
    drawn = [
        _Panel(place, column, own)
        for place, cells in panels(rows).items()
        for column, own in sorted(grouped(cells, view.column).items())
    ]
    titles = _titles([panel.place for panel in drawn])
    networks = list(dict.fromkeys(panel.network for panel in drawn))
    columns = list(dict.fromkeys(panel.across for panel in drawn))
    with mpl.rc_context(STYLE):
        figure, axes = grid(len(networks), len(columns), ["dense", *order])
        for axis in axes.flat:
            axis.set_visible(False)
        for panel in drawn:
            row, column = networks.index(panel.network), columns.index(panel.across)
            axis = axes[row, column]
            axis.set_visible(True)
            by_name = grouped(panel.cells, lambda cell: names[cell.identity])
            dense = dense_accuracy(panel.cells).mean
            axis.axhline(dense, color="0.35", linewidth=0.7, label="dense")
            for index, name in enumerate(order):
                if name in by_name:
                    view.curve(axis, by_name[name], name, index)
            view.dress_x(axis, panel.cells)
            _dress_y(axis, titles[panel.place], leftmost=column == 0)
        hollow = "hollow: the method sees images" if any(map(_sees_images, rows)) else None
        legend(figure, axes.flat, len(columns), hollow)
    return figure


def _over_ratios(axis: Axes, rows: Sequence[SummaryRow], name: str, index: int) -> None:
    by_ratio = sorted(grouped(rows, lambda row: row.ratio).items())
    samples = [accuracy(cells) for _, cells in by_ratio]
    plot(axis, [ratio for ratio, _ in by_ratio], samples, name, index, _sees_images(rows[0]))


def _ratio_axis(axis: Axes, rows: Sequence[SummaryRow]) -> None:
    ratios = sorted({row.ratio for row in rows})
    axis.set_xscale("log")
    axis.set_xticks(ratios, [f"{ratio:g}" for ratio in ratios])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("keep ratio (share of neurons kept)")


def _over_epochs(axis: Axes, rows: Sequence[SummaryRow], name: str, index: int) -> None:
    epochs = sorted(rows[0].epochs)
    samples = [accuracy_after(rows, epoch) for epoch in epochs]
    plot(axis, epochs, samples, name, index, _sees_images(rows[0]))


def _epoch_axis(axis: Axes, rows: Sequence[SummaryRow]) -> None:
    epochs = sorted({epoch for row in rows for epoch in row.epochs})
    axis.set_xscale("symlog", linthresh=1)
    axis.set_xticks(epochs, [str(epoch) for epoch in epochs])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel(f"epochs of fine-tuning, keep ratio {rows[0].ratio:g}")


_RATIOS = _View(_over_ratios, _ratio_axis, column=lambda row: 0)
_EPOCHS = _View(_over_epochs, _epoch_axis, column=lambda row: -row.ratio)


def _titles(places: Iterable[Place]) -> dict[Place, str]:
    """On one line each where all of them fit; otherwise on two, so that panels stay aligned."""
    titles = {place: place.title for place in places}
    if max(map(len, titles.values()), default=0) <= TITLE_CHARACTERS:
        return titles
    return {place: place.two_lines for place in titles}


def _dress_y(axis: Axes, title: str, leftmost: bool) -> None:
    dress(axis, title)
    axis.set_ylim(0, 103)
    axis.label_outer()
    if leftmost:
        axis.set_ylabel("top-1 (%)")


def _sees_images(row: SummaryRow) -> bool:
    return row.tier >= Tier.IMAGES
