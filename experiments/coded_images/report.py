"""Summaries, tables, figures and verdicts of the data track."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from experiments.coded_images.figures import coded_figure
from experiments.coded_images.points import points
from experiments.coded_images.published import read_published
from experiments.coded_images.rows import TRACK, read_summary, write_summary
from experiments.coded_images.tables import VERDICTS, write_codings, write_pruning
from experiments.coded_images.verdicts import prunings, rates
from experiments.report.style import save
from experiments.track.verdicts import write_verdicts
from tropnnc.errors import TropnncError


def report(name: str, results: Path) -> tuple[str, list[Path]]:
    """Renew the summary where the cells are on disk; tables and figure from the summary alone.

    Raises:
        TropnncError: neither cells nor summary.
    """
    records = TRACK.records(results, name)
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
