"""Summaries, tables, figures and verdicts of the relatives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

from experiments.frontier.reading import NotRun
from experiments.manifest import experiment_records
from experiments.record import Record
from experiments.relatives.claims import CONTRASTS
from experiments.relatives.claims.sizes import bloom_verdicts, ham_verdicts
from experiments.relatives.contrasts import ContrastRow, contrast_rows
from experiments.relatives.coresets import coreset_contrasts, write_coresets
from experiments.relatives.figures import bytes_figure, macs_figure
from experiments.relatives.grids import experiments
from experiments.relatives.rows import Row, read_summary, summary_path, write_summaries
from experiments.relatives.supports import NAME, SupportRow
from experiments.relatives.tables import write_cells, write_smallest
from experiments.relatives.verdicts import CAPTION, verdicts_of
from experiments.report.csv_rows import read_rows, write_rows
from experiments.report.style import save
from experiments.track.verdicts import write_verdicts
from tropnnc.errors import TropnncError

QUICK = "_quick"
CLAIMS = "relatives_claims"


def report(name: str, results: Path) -> tuple[str, list[Path]]:
    """Renew the summary where the cells are on disk; write tables and figures from the summary.

    Raises:
        TropnncError: neither cells nor summary.
    """
    records = _records(name, results)
    paths = [] if records is None else write_summaries(results, name, records)
    rows = read_summary(results, name, Row)
    cells = write_cells(rows, results, name)
    if name.removesuffix(QUICK) == CLAIMS:
        return cells, paths
    text = write_smallest(rows, results, name)
    for suffix, figure in (("", bytes_figure(rows)), ("_macs", macs_figure(rows))):
        paths += save(figure, results / "figures" / f"{name}{suffix}")
    return text, paths


def report_verdicts(results: Path, suffix: str) -> str:
    """The verdicts that the cells on disk, or the committed contrasts, allow.

    Raises:
        TropnncError: there is none.
    """
    path = summary_path(results, f"contrasts{suffix}")
    found = list(_contrasts(results, suffix))
    if found:
        write_rows(path, ContrastRow, map(astuple, found))
    if not path.exists():
        raise TropnncError(f"no {path} to judge; run an experiment first")
    rows = read_rows(path, ContrastRow)
    with suppress(NotRun):
        write_coresets(results, suffix)
        rows += coreset_contrasts(results, suffix)
    verdicts = [*verdicts_of(rows), *ham_verdicts()]
    supports = summary_path(results, NAME)
    if supports.exists():
        verdicts += bloom_verdicts(read_rows(supports, SupportRow))
    stem = results / "tables" / f"relatives_verdicts{suffix}"
    return write_verdicts(verdicts, CAPTION, stem)


def known(results: Path, suffix: str) -> Sequence[str]:
    """Experiments of that suffix that have a summary or are complete on this disk."""
    complete = results / "runs" / "relatives" / "experiments"
    return [
        name
        for name in experiments()
        if name.endswith(QUICK) == bool(suffix)
        and (summary_path(results, name).exists() or (complete / f"{name}.json").exists())
    ]


def _contrasts(results: Path, suffix: str) -> Iterator[ContrastRow]:
    records: dict[str, list[Record]] = {}
    for contrast in CONTRASTS:
        name = f"{contrast.experiment}{suffix}"
        if name not in records:
            records[name] = _records(name, results) or []
        yield from contrast_rows(contrast, records[name])


def _records(name: str, results: Path) -> list[Record] | None:
    return experiment_records(results / "runs" / "relatives", name)
