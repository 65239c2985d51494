"""Pictures: the zonotopes of a two-input network and its decision, before and after each rule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from experiments.geometry.outline import Outline, outline
from experiments.geometry.toy import RULES, Rule, Toy, reductions, trained_toy
from experiments.report.style import COLUMN_INCHES, STYLE, save
from tropnnc.geometry import Zonotope, hausdorff, positive_negative
from tropnnc.reduction import Reduction
from tropnnc.unit import Array, IntArray

WIDTH = 8
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SIDES = ("positive zonotope $P$", "negative zonotope $Q$")
NAMES: dict[Rule, str] = {
    "means": "Misiakos, means",
    "sums": "TropNNC, sums",
    "sums of directions": "sums, clusters by direction",
}
RUNS: dict[Rule, str] = {
    "means": "a cluster's edges shrink\nto their average",
    "sums": "a cluster's edges\nadd up to one",
    "sums of directions": "neighbouring edges\nbecome their chord",
}
GRID = 400
Extent = tuple[float, float, float, float]


def write_pictures(results: Path) -> list[Path]:
    """Train the network and write both figures; returns the paths."""
    toy = trained_toy()
    rules = reductions(toy, WIDTH)
    figures = results / "figures"
    return [
        *save(draw_zonotopes(toy, rules), figures / "geometry_zonotopes"),
        *save(draw_decisions(toy, rules), figures / "geometry_decisions"),
    ]


def draw_zonotopes(toy: Toy, rules: Mapping[Rule, Reduction]) -> Figure:
    """P above, Q below: generators by cluster, then dense and reduced outline by rule.

    The zonotopes are 3-dimensional, ``|c_i|(a_i, b_i)``; what is drawn is their exact projection
    along the bias, the zonotope of ``|c_i| a_i``. Both Hausdorff distances are exact.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN_INCHES, 0.9 * COLUMN_INCHES))
        figure.set_layout_engine("constrained")
        axes = figure.subplots(2, 1 + len(RULES))
        for side, title in enumerate(SIDES):
            _draw_generators(axes[side, 0], _sides(toy)[side], _labels(toy, rules["sums"])[side])
            axes[side, 0].set_ylabel(title)
            for axis, rule in zip(axes[side, 1:], RULES, strict=True):
                pair = _sides(toy)[side], _sides(toy.reduced(rules[rule]))[side]
                _draw_pair(axis, *pair, _labels(toy, rules[rule])[side])
        axes[0, 0].set_title(
            "generators $|c_i|\\,a_i$,\ncoloured by cluster,\nas are the edges", loc="left"
        )
        for axis, rule in zip(axes[0, 1:], RULES, strict=True):
            axis.set_title(f"{NAMES[rule]}:\n{RUNS[rule]}", loc="left")
    return figure


def draw_decisions(toy: Toy, rules: Mapping[Rule, Reduction]) -> Figure:
    """The decision of the dense network, and of each reduced one beside the dense boundary."""
    inputs, shape, extent = _square(toy.points)
    dense = toy.logits(inputs)
    panels = {f"dense, {len(toy.unit.incoming)} neurons": dense} | {
        NAMES[rule]: toy.reduced(rules[rule]).logits(inputs) for rule in RULES
    }
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN_INCHES, 0.42 * COLUMN_INCHES))
        figure.set_layout_engine("constrained")
        axes = figure.subplots(1, len(panels), sharex=True, sharey=True)
        for axis, (title, logits) in zip(axes, panels.items(), strict=True):
            _draw_decision(axis, logits.reshape(shape), dense.reshape(shape), extent)
            for label, marker in ((0, "o"), (1, "^")):
                own = toy.points[toy.labels == label]
                axis.plot(*own.T, marker, markersize=1.1, color="0.25", markeredgewidth=0)
            agree = np.mean((logits > 0) == (dense > 0))
            text = (
                "trained" if logits is dense else f"{WIDTH} neurons; {100 * agree:.1f} % as dense"
            )
            axis.set_title(f"{title}\n{text}", loc="left")
    return figure


def _draw_generators(axis: Axes, zonotope: Zonotope, labels: IntArray) -> None:
    for row, label in zip(zonotope.generators, labels, strict=True):
        axis.plot([0, row[0]], [0, row[1]], color=COLOURS[label], linewidth=0.9)
        axis.plot(*row[:2], "o", markersize=2, color=COLOURS[label])
    axis.plot(0, 0, "+", color="black", markersize=4)
    _bare(axis)


def _draw_pair(axis: Axes, dense: Zonotope, reduced: Zonotope, labels: IntArray) -> None:
    flat, few = (Zonotope(zonotope.generators[:, :2]) for zonotope in (dense, reduced))
    whole, part = outline(flat.generators), outline(few.generators)
    axis.fill(*whole.corners.T, color="0.94", linewidth=0)
    _draw_edges(axis, whole, labels, linewidth=2.6, alpha=0.35)
    axis.fill(*part.corners.T, color="0.8", alpha=0.6, linewidth=0)
    _draw_edges(axis, part, np.arange(len(few.generators)), linewidth=1.1, alpha=1.0)
    axis.plot(*part.corners.T, "o", markersize=1.8, color="0.15")
    distances = hausdorff(flat, few), hausdorff(dense, reduced)
    assert all(distance.exact for distance in distances)
    text = "H = {:.2f} (with bias {:.2f})".format(*(distance.upper for distance in distances))
    axis.set_xlabel(text)
    _bare(axis)


def _draw_edges(
    axis: Axes, shape: Outline, labels: IntArray, linewidth: float, alpha: float
) -> None:
    ends = np.stack([shape.corners, np.roll(shape.corners, -1, axis=0)], axis=1)
    colours = [COLOURS[labels[edge]] for edge in shape.edges]
    axis.add_collection(
        LineCollection(
            list(ends), colors=colours, linewidths=linewidth, alpha=alpha, capstyle="round"
        )
    )


def _draw_decision(axis: Axes, logits: Array, dense: Array, extent: Extent) -> None:
    axis.imshow(
        logits > 0, extent=extent, origin="lower", cmap="Greys", vmin=-0.5, vmax=5, alpha=0.9
    )
    axis.contour(dense, levels=[0], extent=extent, colors="0.45", linewidths=0.7)
    axis.contour(logits, levels=[0], extent=extent, colors=COLOURS[0], linewidths=1.3)
    axis.set_xticks([])
    axis.set_yticks([])


def _sides(toy: Toy) -> tuple[Zonotope, Zonotope]:
    return positive_negative(toy.unit.incoming, toy.unit.outgoing[:, 0])


def _labels(toy: Toy, reduction: Reduction) -> tuple[IntArray, IntArray]:
    """Clusters of both sides' generators, numbered as the reduced side's generators are."""
    assert reduction.clusters is not None
    column = toy.unit.outgoing[:, 0]
    own = (reduction.clusters[column > 0], reduction.clusters[column < 0])
    positive, negative = (np.unique(labels, return_inverse=True)[1] for labels in own)
    return positive, negative


def _square(points: Array) -> tuple[Array, tuple[int, int], Extent]:
    """Inputs on a grid around the data, its shape, and its extent."""
    low, high = points.min(axis=0) - 0.4, points.max(axis=0) + 0.4
    xs, ys = (np.linspace(low[i], high[i], GRID) for i in (0, 1))
    inputs = np.stack(np.meshgrid(xs, ys), axis=-1).reshape(-1, 2)
    return inputs, (GRID, GRID), (low[0], high[0], low[1], high[1])


def _bare(axis: Axes) -> None:
    axis.set_aspect("equal", adjustable="datalim")
    axis.set_box_aspect(0.66)
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)
