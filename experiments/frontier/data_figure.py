"""Curves over numbers of real images, and the methods without any as lines across."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from experiments.frontier.levels import Panel
from experiments.report.statistics import sample
from experiments.report.style import STYLE, dress, grid, legend, plot

ACROSS = ("--", ":", "-.")


def draw(panels: Sequence[Panel]) -> Figure:
    """A panel per network (down) and keep ratio (across)."""
    networks = list(dict.fromkeys(panel.network for panel in panels))
    ratios = list(dict.fromkeys(panel.ratio for panel in panels))
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    levels = list(dict.fromkeys(name for panel in panels for name in panel.levels))
    with mpl.rc_context(STYLE):
        figure, axes = grid(len(networks), len(ratios), ["dense", *names, *levels])
        for panel in panels:
            axis = axes[networks.index(panel.network), ratios.index(panel.ratio)]
            _draw_panel(axis, panel, names, levels)
            dress(axis, f"{panel.network}\nkeep ratio {panel.ratio:g}")
            axis.label_outer()
        for axis in axes[:, 0]:
            axis.set_ylabel("top-1 (%)")
        for axis in axes[-1]:
            axis.set_xlabel("real images")
        legend(figure, axes.flat, len(ratios), "lines across: no image")
    return figure


def _draw_panel(axis: Axes, panel: Panel, names: Sequence[str], levels: Sequence[str]) -> None:
    axis.axhline(panel.dense, color="0.35", linewidth=0.7, label="dense")
    for name, curve in panel.curves.items():
        samples = [sample([accuracy]) for _, accuracy in curve]
        plot(axis, [images for images, _ in curve], samples, name, names.index(name), hollow=False)
    for name, level in panel.levels.items():
        dash = ACROSS[levels.index(name) % len(ACROSS)]
        axis.axhline(level, color="black", linestyle=dash, linewidth=1.0, label=name)
    seen = sorted({images for curve in panel.curves.values() for images, _ in curve})
    axis.set_xscale("symlog", linthresh=max(1, min(filter(None, seen), default=1)))
    axis.set_xticks(seen, [f"{images:,}" for images in seen])
    axis.xaxis.set_minor_locator(NullLocator())
