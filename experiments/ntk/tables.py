"""Tables of the NTK-LC experiments, from summaries alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from baselines.ntk_lc.storage import CONVENTIONS
from experiments.geometry.table import write_table
from experiments.ntk.curves import of_method, points
from experiments.ntk.rows import AccuracyRow, SpectrumRow
from experiments.ntk.settings import METHODS
from experiments.report.statistics import FEW, grouped, sample

NAMES = {
    "original": "original (Gaussian, ReLU)",
    "ntk_lc": "NTK-LC",
    "ternary_relu": "ternary weights, ReLU",
    "zeroing": "random zeroing",
    "magnitude": "magnitude pruning",
    "naive_binary": "naive binary activation",
    "trained_mlp": "trained MLP, same storage",
}
ACCURACY = (
    "Random networks with frozen hidden layers; none of this compresses trained weights. Top-1 in"
    " %, mean ± sd over {draws} draws of the hidden weights, {images} training images, read-out by"
    " {readout} for all rows (the trained MLP: all layers). Bits of hidden weights, read-out and"
    " constants under each convention; the paper counts `nominal`."
)
SPECTRUM = (
    "Kernels of infinitely wide ReLU networks (three layers) against those of their NTK-LC and of"
    " the theory, on the paper's mixture, p = {aspect} n; `finite`: one draw each of networks as"
    " wide as n. Spectral norm of the difference over that of the original kernel, mean ± sd over"
    " {draws} draws; without the shift of the diagonal that is known beforehand. The tangent kernel"
    " is compared off its diagonal."
)
VERDICTS = (
    'The headline ("a factor of 10³ less memory, up to 90 % zeros, virtually no performance'
    ' loss") and "asymptotic equivalence", each split into statements that can fail. NTK-LC at'
    " ε = .9; 95 % intervals over draws. The headline allows itself any widths; equal accuracy is"
    " tried at the widest NTK-LC measured."
)


def write_accuracy(rows: Sequence[AccuracyRow], results: Path, name: str) -> str:
    """A line per data set, widths and method; returns the text."""
    lines = []
    for data, own in grouped(rows, lambda row: row.data).items():
        for method in METHODS:
            for sparsity in sorted({row.sparsity for row in own if row.method == method}):
                lines += _curve(data, method, sparsity, own)
    caption = ACCURACY.format(
        draws=_counts([len({row.draw for row in rows})]),
        images=_counts(row.train_images for row in rows),
        readout=_counts(row.readout for row in rows),
    )
    return write_table(pd.DataFrame(lines), 4, caption, results / "tables" / name)


def write_spectrum(rows: Sequence[SpectrumRow], results: Path, name: str) -> str:
    """A line per kernel and n."""
    lines = []
    groups = grouped(rows, lambda row: (row.kernel, row.other, row.n))
    for (kernel, other, n), own in sorted(groups.items()):
        alignment = sample(row.alignment for row in own)
        lines.append(
            {
                "kernel": kernel,
                "against": "NTK-LC" if other == "ntk_lc" else other,
                "n": f"{n:,}",
                "error": _plus_minus([row.error for row in own]),
                "error with the shift": _plus_minus([row.raw for row in own]),
                "top eigenvectors": f"{alignment.mean:.4f}",
            }
        )
    aspect = _counts(round(row.dimension / row.n) for row in rows)
    draws = _counts([len({row.draw for row in rows})])
    caption = SPECTRUM.format(aspect=aspect, draws=draws)
    return write_table(pd.DataFrame(lines), 2, caption, results / "tables" / name)


def _curve(
    data: str, method: str, sparsity: float, rows: Sequence[AccuracyRow]
) -> list[dict[str, str]]:
    zeros = f"{sparsity:g}" if sparsity or method in ("ntk_lc", "ternary_relu") else "–"
    return [
        {
            "data": data,
            "network": NAMES[method],
            "zeros": zeros,
            "widths": point.widths.replace("x", "×"),
            "top-1": point.accuracy.text,
            **{convention: f"{point.bits[convention]:.3g}" for convention in CONVENTIONS},
        }
        for point in points(of_method(rows, method, sparsity))
    ]


def _plus_minus(values: Sequence[float]) -> str:
    found = sample(values)
    spread = f" ± {found.sd:.4f}" if found.n > 1 else ""
    return f"{found.mean:.4f}{spread}{'†' if found.n < FEW else ''}"


def _counts(values: Iterable[int | str]) -> str:
    """``5``, or ``2,000 or 12,000``."""
    return " or ".join(f"{v:,}" if isinstance(v, int) else v for v in dict.fromkeys(values))
