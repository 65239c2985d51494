"""Summaries, tables, figures and verdicts of the data track."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.coded_images.figures import coded_figure
from experiments.coded_images.grids import experiments
from experiments.coded_images.points import points
from experiments.coded_images.published import read_published
from experiments.coded_images.rows import read_summary, summary_path, write_summary
from experiments.coded_images.tables import VERDICTS, write_codings, write_pruning
from experiments.coded_images.verdicts import prunings, rates
from experiments.manifest import experiment_records
from experiments.report.command import QUICK
from experiments.report.style import save
from experiments.track.verdicts import write_verdicts
from tropnnc.errors import TropnncError

RUNS = Path("runs") / "coded_images"
RUN = "python -m experiments.coded_images run "


def report(name: str, results: Path) -> tuple[str, list[Path]]:
    """Renew the summary where the cells are on disk; tables and figure from the summary alone.

    Raises:
        TropnncError: neither cells nor summary.
    """
    records = experiment_records(results / RUNS, name, RUN)
    written = [] if records is None else write_summary(results, name, records)
    found = points(read_summary(results, name))
    published = read_published(results, found[0].row.dataset)
    texts = [write_codings(found, published, results, name), write_pruning(found, results, name)]
    figure = coded_figure(found, published)
    return "\n\n".join(texts), [*written, *save(figure, results / "figures" / name)]


def report_verdicts(names: Sequence[str], results: Path, suffix: str) -> str:
    """The verdicts that the summaries of experiments ``names`` allow.

    Raises:
        TropnncError: there is none.
    """
    verdicts = []
    for name in names:
        found = points(read_summary(results, name))
        verdicts += [*rates(found), *prunings(found)]
    if not verdicts:
        raise TropnncError(f"COIN++ is in none of {', '.join(names)}: nothing to judge")
    return write_verdicts(verdicts, VERDICTS, results / "tables" / f"coded_verdicts{suffix}")


def known(results: Path, suffix: str) -> list[str]:
    """Experiments of that suffix that have a summary or are complete on this disk."""
    names = [name for name in experiments() if name.endswith(QUICK) == bool(suffix)]
    complete = results / RUNS / "experiments"
    return [
        name
        for name in names
        if summary_path(results, name).exists() or (complete / f"{name}.json").exists()
    ]
