"""Figures of the NTK-LC experiments, from summaries alone."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.ntk.curves import of_method, points
from experiments.ntk.published import PublishedPoint
from experiments.ntk.rows import AccuracyRow, HistogramRow, SpectrumRow
from experiments.ntk.settings import METHODS
from experiments.ntk.tables import NAMES
from experiments.report.statistics import grouped, sample
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

TITLES = {
    "mnist": "MNIST, ten digits",
    "mnist_0to4": "MNIST, 0 to 4",
    "mnist_6v8": "MNIST, 6 against 8",
    "cifar10_features": "CIFAR-10, features of ResNet-56 (hollow: of a VGG-19)",
    "mixture": "Gaussian mixture, p = 8,000",
}
BITS = (
    "bits of hidden weights: 2 per non-zero ternary one, 32 per float (trained MLP: of all"
    " parameters)"
)
HOLLOW = "\nhollow: the paper's figures, read off its plot"
KERNELS = {"conjugate": "conjugate kernel", "tangent": "NTK off its diagonal", "finite": "finite"}


def accuracy_figure(rows: Sequence[AccuracyRow], published: Sequence[PublishedPoint]) -> Figure:
    """Top-1 over bits as the paper counts them; hollow ones are its own points."""
    data = grouped(rows, lambda row: row.data)
    curves = [
        (method, sparsity)
        for method in METHODS
        for sparsity in sorted({row.sparsity for row in rows if row.method == method})
    ]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN_INCHES, 1.5 * PANEL_INCHES * len(data) + 0.9))
        figure.set_layout_engine("constrained")
        axes = list(figure.subplots(len(data), 1, sharex=True, squeeze=False)[:, 0])
        for axis, (name, own) in zip(axes, data.items(), strict=True):
            for index, curve in enumerate(curves):
                _curve(axis, own, curve, index)
                theirs = [p for p in published if (p.data, p.curve) == (name, curve)]
                dots(axis, [p.bits for p in theirs], [p.accuracy for p in theirs], index)
            axis.set_xscale("log")
            axis.set_xlabel(BITS + (HOLLOW if name in {p.data for p in published} else ""))
            axis.set_ylabel("top-1 (%)")
            axis.tick_params(labelbottom=True)
            dress(axis, TITLES[name])
        legend(figure, axes, 2, None)
    return figure


def spectrum_figure(rows: Sequence[SpectrumRow], bins: Sequence[HistogramRow]) -> Figure:
    """Distributions of eigenvalues above, errors over n below; both kernels."""
    labels = {"original": "original", "ntk_lc": "NTK-LC", "theory": "theory"}
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(2 * COLUMN_INCHES, 2 * PANEL_INCHES + 0.5))
        figure.set_layout_engine("constrained")
        axes = figure.subplots(2, 2)
        for column, kernel in enumerate(("conjugate", "tangent")):
            upper, lower = axes[0, column], axes[1, column]
            own = [row for row in bins if row.kernel == kernel]
            for index, (name, label) in enumerate(labels.items()):
                _histogram(upper, [row for row in own if row.network == name], label, index)
            for index, other in enumerate(("ntk_lc", "theory"), start=1):
                found = [row for row in rows if (row.kernel, row.other) == (kernel, other)]
                _errors(lower, found, labels[other], index)
            dress(upper, f"{KERNELS[kernel]}: eigenvalues, n = {own[0].n:,}" if own else "")
            dress(lower, f"{KERNELS[kernel]}: relative error")
        legend(figure, axes.flat, 2, None)
    return figure


def _name(curve: tuple[str, float]) -> str:
    method, sparsity = curve
    shown = f", ε = {sparsity:g}" if method in ("ntk_lc", "ternary_relu") else ""
    return f"{NAMES[method]}{shown}"


def _curve(axis: Axes, rows: Sequence[AccuracyRow], curve: tuple[str, float], index: int) -> None:
    found = points(of_method(rows, *curve))
    if found:
        samples = [point.accuracy for point in found]
        bits = [point.printed_bits for point in found]
        plot(axis, bits, samples, _name(curve), index, hollow=False)


def _histogram(axis: Axes, rows: Sequence[HistogramRow], label: str, index: int) -> None:
    if not rows:
        return
    edges = [rows[0].low, *(row.high for row in rows)]
    style = ("-", "--", ":")[index]
    shares = [row.share for row in rows]
    axis.stairs(shares, edges, label=label, color=colour(index), linestyle=style)
    axis.set_xlabel("eigenvalue (the largest are outside)")
    axis.set_ylabel("share")


def _errors(axis: Axes, rows: Sequence[SpectrumRow], label: str, index: int) -> None:
    by_n = sorted(grouped(rows, lambda row: row.n).items())
    samples = [sample(row.error for row in own) for _, own in by_n]
    plot(axis, [n for n, _ in by_n], samples, label, index, hollow=False)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks([n for n, _ in by_n], [f"{n:,}" for n, _ in by_n])
    axis.set_xticks([], minor=True)
    axis.set_xlabel("n (p grows with it)")
    axis.set_ylabel("‖difference‖/‖K‖")
