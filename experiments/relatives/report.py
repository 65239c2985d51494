"""Summaries, tables, figures and verdicts of the relatives."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path

from experiments.frontier.reading import NotRun
from experiments.record import Record
from experiments.relatives.claims import CONTRASTS
from experiments.relatives.claims.sizes import bloom_verdicts, ham_verdicts
from experiments.relatives.claims.straight_through import mask_verdicts
from experiments.relatives.contrasts import ContrastRow, contrast_rows
from experiments.relatives.coresets import coreset_contrasts, write_coresets
from experiments.relatives.figures import bytes_figure, macs_figure
from experiments.relatives.rows import TRACK, Row, write_summaries
from experiments.relatives.supports import NAME, SupportRow
from experiments.relatives.tables import write_cells, write_smallest
from experiments.relatives.verdicts import CAPTION, verdicts_of
from experiments.report.command import QUICK
from experiments.report.csv_rows import read_rows, write_rows
from experiments.report.style import save
from experiments.track.verdicts import write_verdicts
from tropnnc.errors import TropnncError

CLAIMS = "relatives_claims"


def report(name: str, results: Path) -> tuple[str, list[Path]]:
    """Renew the summary where the cells are on disk; write tables and figures from the summary.

    Raises:
        TropnncError: neither cells nor summary.
    """
    records = TRACK.records(results, name)
    paths = []
    if records is not None:
        paths = [
            *write_summaries(results, name, records),
            *_write_contrasts(results, name, records),
        ]
    rows = TRACK.read_summary(results, name, Row)
    cells = write_cells(rows, results, name)
    if name.removesuffix(QUICK) == CLAIMS:
        return cells, paths
    text = write_smallest(rows, results, name)
    for suffix, figure in (("", bytes_figure(rows)), ("_macs", macs_figure(rows))):
        paths += save(figure, results / "figures" / f"{name}{suffix}")
    return text, paths


def report_verdicts(results: Path, suffix: str) -> str:
    """The verdicts that the summaries allow.

    Raises:
        TropnncError: there is none.
    """
    names = dict.fromkeys(f"{contrast.experiment}{suffix}" for contrast in CONTRASTS)
    paths = [path for name in names if (path := _contrasts_path(results, name)).exists()]
    if not paths:
        raise TropnncError(f"no {_contrasts_path(results, 'NAME')} to judge; report NAME first")
    rows = [row for path in paths for row in read_rows(path, ContrastRow)]
    with suppress(NotRun):
        write_coresets(results, suffix)
        rows += coreset_contrasts(results, suffix)
    verdicts = [*verdicts_of(rows), *ham_verdicts()]
    supports = TRACK.summary_path(results, NAME)
    if supports.exists():
        verdicts += bloom_verdicts(read_rows(supports, SupportRow))
    claims = TRACK.summary_path(results, f"{CLAIMS}{suffix}")
    if claims.exists():
        verdicts += mask_verdicts(read_rows(claims, Row))
    stem = results / "tables" / f"relatives_verdicts{suffix}"
    return write_verdicts(verdicts, CAPTION, stem)


def _contrasts_path(results: Path, name: str) -> Path:
    return TRACK.summary_path(results, f"{name}_contrasts")


def _write_contrasts(results: Path, name: str, records: Sequence[Record]) -> list[Path]:
    """What claims are tried on in this experiment alone: others may not be on this disk."""
    own = [c for c in CONTRASTS if c.experiment == name.removesuffix(QUICK)]
    if not own:
        return []
    rows = (row for contrast in own for row in contrast_rows(contrast, records))
    path = _contrasts_path(results, name)
    write_rows(path, ContrastRow, map(astuple, rows))
    return [path]
