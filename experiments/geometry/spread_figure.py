"""Accuracy on rescaled networks, a line per method: every rescaling, and the original."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.geometry.spread import Spread
from experiments.report.style import COLUMN_INCHES, STYLE, dress

LINE_INCHES = 0.17


def draw(spreads: Sequence[Spread]) -> Figure:
    """A panel per keep ratio, the largest first; methods from the top, by tier and name."""
    ratios = sorted({spread.ratio for spread in spreads}, reverse=True)
    methods = list(dict.fromkeys(spread.method for spread in spreads))
    with mpl.rc_context(STYLE):
        height = LINE_INCHES * len(methods) + 0.8
        figure = Figure(figsize=(COLUMN_INCHES * len(ratios), height))
        figure.set_layout_engine("constrained")
        axes = figure.subplots(1, len(ratios), sharex=True, sharey=True, squeeze=False)[0]
        for axis, ratio in zip(axes, ratios, strict=True):
            _draw_panel(axis, [spread for spread in spreads if spread.ratio == ratio], methods)
            dress(axis, f"keep ratio {ratio:g}")
            axis.grid(axis="x", color="0.9", linewidth=0.5)
            axis.set_xlabel("top-1 (%)")
        axes[0].set_yticks(range(len(methods)), methods)
        axes[0].invert_yaxis()
        figure.legend(
            *axes[0].get_legend_handles_labels(),
            loc="outside lower center",
            ncols=2,
            frameon=False,
        )
    return figure


def _draw_panel(axis: Axes, spreads: Sequence[Spread], methods: Sequence[str]) -> None:
    places = [methods.index(spread.method) for spread in spreads]
    for place, spread in zip(places, spreads, strict=True):
        axis.plot([min(spread.moved), max(spread.moved)], [place] * 2, color="0.6", linewidth=0.8)
    axis.plot(
        [value for spread in spreads for value in spread.moved],
        [place for place, spread in zip(places, spreads, strict=True) for _ in spread.moved],
        "o",
        color="#0072B2",
        markersize=2.2,
        alpha=0.5,
        markeredgewidth=0,
        label="rescaled at random",
    )
    originals = [spread.original for spread in spreads]
    axis.plot(originals, places, "D", color="#D55E00", markersize=3.6, label="as trained")
