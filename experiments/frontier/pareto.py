"""Accuracy against multiply-adds and parameters, the tiers told apart: figure and table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.frontier.looks import LOOKS, scatter
from experiments.frontier.points import Point, front, points
from experiments.frontier.reading import NETWORKS, read_rows, title
from experiments.geometry.table import write_table
from experiments.report.statistics import dense_accuracy, panels
from experiments.report.style import STYLE, dress, grid, legend, save
from experiments.report.summary import TIERS

COSTS = (("macs", "multiply-adds kept (%)"), ("parameters", "parameters kept (%)"))
ACROSS = 2  # networks in a line of the figure
CAPTION = (
    "What no other method of its tier beats, at equal or fewer multiply-adds, without fine-tuning:"
    " top-1 in %, mean ± sd over dense networks. Re-calibrated on unlabelled images: tier images."
    " Figures on imagenet_subset are for differences on those images, never beside a published one."
)


def write_pareto(results: Path, suffix: str) -> str:
    """Write the figure and the table ``frontier_pareto``; the table as text and the paths."""
    rows = read_rows(results, NETWORKS, suffix)
    places = {title(place): points(own) for place, own in panels(rows).items()}
    dense = {title(place): dense_accuracy(own).mean for place, own in panels(rows).items()}
    name = f"frontier_pareto{suffix}"
    text = write_table(frame(places), 4, CAPTION, results / "tables" / name)
    return "\n".join([text, *map(str, save(draw(places, dense), results / "figures" / name))])


def frame(places: Mapping[str, Sequence[Point]]) -> pd.DataFrame:
    """A line per point on the front of a network and a tier, by rising multiply-adds."""
    lines = []
    for network, own in places.items():
        for tier, label in enumerate(TIERS):
            for point in front([p for p in own if p.tier == tier], "macs"):
                line = {"network": network, "needs": label, "method": point.name}
                line |= {"ratio": f"{point.ratio:g}", "top-1": point.accuracy.text}
                line |= {"MACs": f"{point.macs:.1f} %", "parameters": f"{point.parameters:.1f} %"}
                lines.append(line)
    return pd.DataFrame(lines)


def draw(places: Mapping[str, Sequence[Point]], dense: Mapping[str, float]) -> Figure:
    """Two panels per network, one per cost: methods are points, fronts are lines."""
    tiers = sorted({point.tier for own in places.values() for point in own})
    columns = ACROSS * len(COSTS)
    with mpl.rc_context(STYLE):
        names = ["dense", *(TIERS[tier] for tier in tiers)]
        figure, axes = grid(-(-len(places) // ACROSS), columns, names)
        panels = axes.reshape(-1, len(COSTS))
        for index, (network, own) in enumerate(places.items()):
            lowest = index + ACROSS >= len(places)
            for axis, (cost, label) in zip(panels[index], COSTS, strict=True):
                axis.axhline(dense[network], color="0.35", linewidth=0.7, label="dense")
                for tier in tiers:
                    _draw_tier(axis, [p for p in own if p.tier == tier], cost, tier)
                dress(axis, network)
                axis.tick_params(labelbottom=lowest)
                axis.set_xlabel(label if lowest else "")
                axis.set_ylim(0, 103)
        for axis in axes[:, 0]:
            axis.set_ylabel("top-1 (%)")
        for axis in panels[len(places) :].flat:
            axis.remove()
        legend(figure, axes.flat, columns, "points: methods; lines: the best of a tier")
    return figure


def _draw_tier(axis: Axes, own: Sequence[Point], cost: str, tier: int) -> None:
    colour, dash, marker = LOOKS[tier % len(LOOKS)]
    scatter(axis, [(getattr(point, cost), point.accuracy.mean) for point in own], tier)
    best = front(own, cost)
    axis.plot(
        [getattr(point, cost) for point in best],
        [point.accuracy.mean for point in best],
        marker=marker,
        linestyle=dash,
        color=colour,
        markersize=3,
        label=TIERS[tier],
    )
