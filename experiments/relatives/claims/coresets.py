"""Ellipsoid coresets better than data-independent sensitivity (Tukan et al. against Mussay et al.).

``relatives_coresets``: 20 samples of either score by the same sampler, at two ratios, without
training; Welch's interval over samples. The score is after Tukan et al., truncated, ours: theirs
tells no neurons of these networks apart (relatives.md B.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from scipy import stats

from experiments.ntk.verdicts import welch
from experiments.relatives.contrasts import ContrastRow
from experiments.report.statistics import FEW, Sample, grouped, sample
from experiments.report.summary import SummaryRow, read_summary

EXPERIMENT = "relatives_coresets"
OURS, THEIRS = "coreset_ellipsoid", "coreset"
SAMPLERS = ("with_replacement", "fixed_size")
CLAIM = "ellipsoid coresets"


def coreset_rows(results: Path, suffix: str) -> list[ContrastRow]:
    """A row per network, ratio and sampler; none where there is no summary."""
    path = results / "summary" / f"{EXPERIMENT}{suffix}.csv"
    if not path.exists():
        return []
    done = [row for row in read_summary(path) if row.status == "done"]
    places = grouped(done, lambda row: (row.arch, row.ratio, _sampler(row)))
    return [found for place, own in places.items() for found in _rows(*place, own)]


def _rows(
    arch: str, ratio: float, sampler: str, rows: Sequence[SummaryRow]
) -> Iterator[ContrastRow]:
    if sampler not in SAMPLERS:  # nothing is drawn
        return
    theirs = [row for row in rows if row.method == THEIRS]
    ours = [row for row in rows if row.method == OURS]
    for settings, own in grouped(ours, lambda row: _option(row, "outermost")).items():
        if min(len(own), len(theirs)) >= FEW:
            place = f"{arch}, ratio {ratio:g}, {sampler}, outermost={settings}"
            yield _row(place, _accuracies(own), _accuracies(theirs))


def _row(place: str, ours: Sample, theirs: Sample) -> ContrastRow:
    gap, reach = welch(ours, theirs)
    sides = (ours.mean, ours.sd, ours.n, theirs.mean, theirs.sd, theirs.n)
    p = float(stats.ttest_ind_from_stats(*sides, equal_var=False).pvalue)
    statement = "ellipsoid coresets more accurate than data-independent sensitivity"
    head = (CLAIM, statement, place, "before", None, "samples of either")
    return ContrastRow(*head, min(ours.n, theirs.n), gap, gap - reach, gap + reach, p)


def _accuracies(rows: Sequence[SummaryRow]) -> Sample:
    return sample(100 * row.correct / row.total for row in rows)


def _sampler(row: SummaryRow) -> str:
    """Where it is not stated, that of Mussay et al."""
    return _option(row, "sampler") or SAMPLERS[0]


def _option(row: SummaryRow, name: str) -> str:
    pairs = dict(part.split("=", 1) for part in row.settings.split() if "=" in part)
    return pairs.get(name, "")
