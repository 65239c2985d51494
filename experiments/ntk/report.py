"""Summaries, tables and figures of an NTK-LC experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.manifest import experiment_records
from experiments.ntk.figures import accuracy_figure, spectrum_figure
from experiments.ntk.grids import experiments
from experiments.ntk.published import read_published
from experiments.ntk.rows import (
    AccuracyRow,
    HistogramRow,
    SpectrumRow,
    read_summary,
    summary_path,
    write_summaries,
)
from experiments.ntk.tables import VERDICTS, write_accuracy, write_spectrum
from experiments.ntk.verdicts import asymptotics, memory_factors, non_inferiority
from experiments.report.style import save
from experiments.track.verdicts import write_verdicts
from tropnnc.errors import TropnncError

SPECTRUM = "ntk_spectrum"
RUN = "python -m experiments.ntk run "
# On these the headline is tried; the logistic read-out has fewer draws and widths.
HEADLINE = ("ntk_mnist", "ntk_subsets", "ntk_cifar")


def report(name: str, results: Path) -> tuple[str, list[Path]]:
    """Renew the summary where the cells are on disk; write tables and figure from the summary.

    Raises:
        TropnncError: neither cells nor summary.
    """
    records = experiment_records(results / "runs" / "ntk", name, RUN)
    paths = [] if records is None else write_summaries(results, name, records)
    stem = results / "figures" / name
    if name.startswith(SPECTRUM):
        rows = read_summary(results, name, SpectrumRow)
        bins = read_summary(results, f"{name}_histograms", HistogramRow)
        text = write_spectrum(rows, results, name)
        figure = spectrum_figure(rows, bins)
    else:
        accuracy = read_summary(results, name, AccuracyRow)
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
        if summary_path(results, name).exists()
        for row in read_summary(results, name, AccuracyRow)
    ]
    verdicts = [*non_inferiority(rows), *memory_factors(rows)]
    if summary_path(results, f"{SPECTRUM}{suffix}").exists():
        verdicts += asymptotics(read_summary(results, f"{SPECTRUM}{suffix}", SpectrumRow))
    if not verdicts:
        raise TropnncError(f"no summary of {', '.join(headline)} to judge; run one first")
    return write_verdicts(verdicts, VERDICTS, results / "tables" / f"ntk_verdicts{suffix}")


def known(results: Path, suffix: str) -> Sequence[str]:
    """Experiments of that suffix that have a summary or are complete on this disk."""
    complete = results / "runs" / "ntk" / "experiments"
    names = [n for n in experiments() if n.endswith("_quick") == bool(suffix)]
    return [
        name
        for name in names
        if summary_path(results, name).exists() or (complete / f"{name}.json").exists()
    ]
