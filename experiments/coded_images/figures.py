"""Figures of the data track, from summaries alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.coded_images.points import NAMES, Look, Point, Series, curves, looks_of
from experiments.coded_images.published import PublishedPoint
from experiments.coded_images.verdicts import STEPS
from experiments.report.statistics import sample
from experiments.report.style import (
    COLUMN_INCHES,
    PANEL_INCHES,
    STYLE,
    colour,
    dots,
    dress,
    legend,
    plot,
)

RATE = "bits per pixel of the payload"
PUBLISHED = "COIN++ (published, a network 58 times as large or more)"
Height = Callable[[Point], float]


def coded_figure(found: Sequence[Point], published: Sequence[PublishedPoint]) -> Figure:
    """PSNR over bits per pixel, then top-1 of each network; crosses: all bytes counted."""
    looks, series = looks_of(found), curves(found)
    rows = -(-(len(looks) + 1) // 2)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN_INCHES, 1.15 * PANEL_INCHES * rows + 1.1))
        figure.set_layout_engine("constrained")
        axes = list(figure.subplots(rows, 2, sharex=True, squeeze=False).flat)
        _panel(axes[0], series, lambda point: float(point.psnr.mean()), "PSNR (dB)")
        _theirs(axes[0], published)
        dress(axes[0], f"{found[0].row.dataset}: distortion")
        for axis, look in zip(axes[1:], looks, strict=False):
            _accuracy(axis, found, series, look)
        for axis in axes[len(looks) + 1 :]:
            axis.set_visible(False)
        images = found[0].row.images
        title = (
            "hollow: a file or stream per image; crosses: with what decoders need besides, shared"
            f" by {images:,} images; dotted: on the originals"
        )
        legend(figure, axes, 2, title)
    return figure


def _accuracy(
    axis: Axes, found: Sequence[Point], series: Mapping[Series, list[Point]], look: Look
) -> None:
    _panel(axis, series, lambda point: point.accuracy(look), "top-1 (%)")
    originals = [point for point in found if point.row.codec == "original"]
    for point in originals:
        axis.axhline(point.accuracy(look), color="0.6", linewidth=0.7, linestyle=":")
    dress(axis, look.label)


def _panel(axis: Axes, series: Mapping[Series, list[Point]], height: Height, label: str) -> None:
    for own, points in series.items():
        index = _index(own)
        values = [height(point) for point in points]
        hollow = own.layout == "image"
        rates = [point.payload for point in points]
        plot(axis, rates, [sample([value]) for value in values], own.name, index, hollow)
        if points[0].row.shared_bytes:
            totals = [point.total(point.row.images) for point in points]
            axis.plot(totals, values, "x", color=colour(index), alpha=0.7, markersize=3)
    axis.set_xscale("log")
    axis.set_xlabel(RATE)
    axis.set_ylabel(label)
    axis.tick_params(labelbottom=True)


def _index(own: Series) -> int:
    """Of colour and marker: one for both layouts of a codec."""
    return list(NAMES).index(own.codec) + (own.codec == "coin" and own.rest != STEPS)


def _theirs(axis: Axes, published: Sequence[PublishedPoint]) -> None:
    if not published:
        return
    rates = [point.bits_per_pixel for point in published]
    dots(axis, rates, [point.psnr for point in published], len(NAMES) + 1)
    axis.lines[-1].set_label(PUBLISHED)
