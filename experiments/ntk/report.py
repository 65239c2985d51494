"""Summaries, tables and figures of an NTK-LC experiment."""

from __future__ import annotations

from pathlib import Path

from experiments.ntk.figures import accuracy_figure, spectrum_figure
from experiments.ntk.published import read_published
from experiments.ntk.rows import (
    TRACK,
    AccuracyRow,
    HistogramRow,
    SpectrumRow,
    write_summaries,
)
from experiments.ntk.tables import VERDICTS, write_accuracy, write_spectrum
from experiments.ntk.verdicts import asymptotics, memory_factors, non_inferiority
from experiments.report.style import save
from experiments.track.verdicts import write_verdicts
from tropnnc.errors import TropnncError

SPECTRUM = "ntk_spectrum"
# On these the headline is tried; the logistic read-out has fewer draws and widths.
HEADLINE = ("ntk_mnist", "ntk_subsets", "ntk_cifar")


def report(name: str, results: Path) -> tuple[str, list[Path]]:
    """Renew the summary where the cells are on disk; write tables and figure from the summary.

    Raises:
        TropnncError: neither cells nor summary.
    """
    records = TRACK.records(results, name)
    paths = [] if records is None else write_summaries(results, name, records)
    stem = results / "figures" / name
    if name.startswith(SPECTRUM):
        rows = TRACK.read_summary(results, name, SpectrumRow)
        bins = TRACK.read_summary(results, f"{name}_histograms", HistogramRow)
        text = write_spectrum(rows, results, name)
        figure = spectrum_figure(rows, bins)
    else:
        accuracy = TRACK.read_summary(results, name, AccuracyRow)
        text = write_accuracy(accuracy, results, name)
        figure = accuracy_figure(accuracy, read_published(results))
    return text, [*paths, *save(figure, stem)]


def report_verdicts(results: Path, suffix: str) -> str:
    """The verdicts that the summaries at hand allow.

    Raises:
        TropnncError: there is none.
    """
    headline = [f"{name}{suffix}" for name in HEADLINE]
    rows = [
        row
        for name in headline
        if TRACK.summary_path(results, name).exists()
        for row in TRACK.read_summary(results, name, AccuracyRow)
    ]
    verdicts = [*non_inferiority(rows), *memory_factors(rows)]
    if TRACK.summary_path(results, f"{SPECTRUM}{suffix}").exists():
        verdicts += asymptotics(TRACK.read_summary(results, f"{SPECTRUM}{suffix}", SpectrumRow))
    if not verdicts:
        raise TropnncError(f"no summary of {', '.join(headline)} to judge; run one first")
    return write_verdicts(verdicts, VERDICTS, results / "tables" / f"ntk_verdicts{suffix}")
