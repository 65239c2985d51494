"""A line per ingredient: what it buys wherever it is tried, and in the whole method."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.frontier.effect import Effect
from experiments.report.style import COLUMN_INCHES, STYLE, dress

LINE_INCHES = 0.17


def draw(effects: Sequence[Effect]) -> Figure:
    """A panel per network (down) and keep ratio (across); ingredients from the top."""
    networks = list(dict.fromkeys(effect.network for effect in effects))
    ratios = list(dict.fromkeys(effect.ratio for effect in effects))
    names = list(dict.fromkeys(effect.ingredient for effect in effects))
    with mpl.rc_context(STYLE):
        height = (LINE_INCHES * len(names) + 0.6) * len(networks) + 0.3
        figure = Figure(figsize=(COLUMN_INCHES * (len(ratios) + 0.6), height))
        figure.set_layout_engine("constrained")
        axes = figure.subplots(len(networks), len(ratios), sharex=True, sharey=True, squeeze=False)
        for line, network in zip(axes, networks, strict=True):
            for axis, ratio in zip(line, ratios, strict=True):
                own = [e for e in effects if (e.network, e.ratio) == (network, ratio)]
                _draw_panel(axis, own, names)
                dress(axis, f"{network}\nkeep ratio {ratio:g}")
        for axis in axes[-1]:
            axis.set_xlabel("points of top-1")
        axes[0, 0].set_yticks(range(len(names)), names)
        axes[0, 0].invert_yaxis()
        handles = axes[0, 0].get_legend_handles_labels()
        figure.legend(*handles, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _draw_panel(axis: Axes, own: Sequence[Effect], names: Sequence[str]) -> None:
    axis.axvline(0, color="0.35", linewidth=0.7)
    places = [names.index(effect.ingredient) for effect in own]
    axis.plot(
        [value for effect in own for value in effect.everywhere],
        [place for place, effect in zip(places, own, strict=True) for _ in effect.everywhere],
        "o",
        color="0.55",
        markersize=2,
        alpha=0.5,
        markeredgewidth=0,
        label="all else equal",
    )
    axis.plot([e.mean for e in own], places, "|", color="black", markersize=7, label="their mean")
    whole = [(e.whole, place) for e, place in zip(own, places, strict=True) if e.whole is not None]
    axis.plot(
        [value for value, _ in whole],
        [place for _, place in whole],
        "D",
        color="#D55E00",
        markersize=3.6,
        label="in synthetic_ls",
    )
