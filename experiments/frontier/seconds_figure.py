"""Accuracy against seconds: lines for steps and numbers of images, points for other methods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.frontier.looks import scatter
from experiments.frontier.spent import Spent
from experiments.report.statistics import sample
from experiments.report.style import STYLE, dress, grid, legend, plot
from experiments.report.summary import TIERS


def draw(found: Sequence[Spent]) -> Figure:
    """A panel per network (down) and keep ratio (across)."""
    networks = list(dict.fromkeys(one.network for one in found))
    ratios = sorted({one.ratio for one in found}, reverse=True)
    names = list(dict.fromkeys(name for name, _ in _lines(found)))
    with mpl.rc_context(STYLE):
        figure, axes = grid(len(networks), len(ratios), [*names, *TIERS])
        for row, network in zip(axes, networks, strict=True):
            for axis, ratio in zip(row, ratios, strict=True):
                own = [one for one in found if (one.network, one.ratio) == (network, ratio)]
                _draw_panel(axis, own, names)
                dress(axis, f"{network}\nkeep ratio {ratio:g}")
                axis.set_xscale("log")
                axis.label_outer()
            row[0].set_ylabel("top-1 (%)")
        for axis in axes[-1]:
            axis.set_xlabel("seconds, making of images included")
        legend(figure, axes.flat, len(ratios), "points: other methods, by what they need")
    return figure


def _draw_panel(axis: Axes, own: Sequence[Spent], names: Sequence[str]) -> None:
    for tier in sorted({one.tier for one in own if one.axes is None}):
        points = [(o.seconds, o.accuracy) for o in own if o.axes is None and o.tier == tier]
        scatter(axis, points, tier, TIERS[tier])
    for name, line in _lines(own):
        samples = [sample([one.accuracy]) for one in line]
        plot(axis, [o.seconds for o in line], samples, name, names.index(name), hollow=True)


def _lines(found: Sequence[Spent]) -> Iterator[tuple[str, list[Spent]]]:
    """Along which one of the two axes varies and the other does not."""
    swept = {one.axes: one for one in found if one.axes is not None}
    for fixed, free, label in ((0, 1, "steps {} ({} images)"), (1, 0, "images {} ({} steps)")):
        for value in sorted({axes[fixed] for axes in swept}):
            own = sorted(axes for axes in swept if axes[fixed] == value)
            if len(own) > 1:
                shown = ", ".join(str(axes[free]) for axes in own)
                yield label.format(shown, value), [swept[axes] for axes in own]
