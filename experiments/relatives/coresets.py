"""Coresets of neurons: accuracy by score and sampler, and whether ellipsoids beat sensitivities.

For one dense network: the interval is Welch's over samples of its neurons. ``top`` draws nothing;
its interval is over test images, unpaired, which is wider than that of pairs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from scipy import stats

from baselines.sampling import SAMPLERS
from experiments.frontier.reading import read_rows
from experiments.geometry.table import write_table
from experiments.ntk.verdicts import welch
from experiments.relatives.contrasts import ContrastRow
from experiments.report.statistics import Sample, grouped, panels, sample
from experiments.report.summary import SummaryRow, parse_settings

EXPERIMENT = "relatives_coresets"
MUSSAY, LEVERAGE = "coreset (Mussay et al.)", "leverage"
ELLIPSOIDS = {
    "true": "coreset_ellipsoid (outermost points)",
    "false": "coreset_ellipsoid (any points)",
}
OURS = (*ELLIPSOIDS.values(), LEVERAGE)
CAPTION = (
    "Neurons sampled by a score, no fine-tuning: top-1 in % by keep ratio and sampler, mean ± sd"
    " over n = {draws} samples on one network; top draws nothing. coreset_ellipsoid and leverage"
    " are after Tukan et al., truncated, ours; random has no score and no factors."
)


@dataclass(frozen=True)
class Group:
    """The samples of one score on one network.

    Attributes:
        accuracies: top-1 in percent, one per sample.
        images: test images that each was evaluated on.
    """

    place: str
    ratio: float
    score: str
    sampler: str
    accuracies: tuple[float, ...]
    images: int

    @property
    def sample(self) -> Sample:
        """Over samples of neurons; of a score that draws nothing, over test images."""
        if self.sampler != "top":
            return sample(self.accuracies)
        [mean] = self.accuracies
        return Sample(mean, (mean * (100 - mean)) ** 0.5, self.images)


def write_coresets(results: Path, suffix: str = "") -> str:
    """The table of all samplers, from the summary.

    Raises:
        NotRun: there is no summary.
    """
    groups = groups_of(read_rows(results, [EXPERIMENT], suffix))
    draws = max(len(group.accuracies) for group in groups)
    columns = dict.fromkeys(_column(group) for group in sorted(groups, key=_by_column))
    lines = [
        {"network": place, "score": score, **dict.fromkeys(columns, "–"), **_cells(own)}
        for (place, score), own in grouped(groups, lambda g: (g.place, g.score)).items()
    ]
    frame = pd.DataFrame(lines)
    stem = results / "tables" / f"{EXPERIMENT}_samplers{suffix}"
    return write_table(frame, 2, CAPTION.format(draws=draws), stem)


def coreset_contrasts(results: Path, suffix: str = "") -> list[ContrastRow]:
    """Every score of ours less Mussay's, at the same sampler, network and ratio, where both are.

    What has no such partner, in a summary of half a sweep, is left out.

    Raises:
        NotRun: there is no summary.
    """
    groups = groups_of(read_rows(results, [EXPERIMENT], suffix))
    theirs = {(g.place, g.ratio, g.sampler): g for g in groups if g.score == MUSSAY}
    return [
        _contrast(group, theirs[group.place, group.ratio, group.sampler])
        for score in OURS
        for group in groups
        if group.score == score and (group.place, group.ratio, group.sampler) in theirs
    ]


def groups_of(rows: Iterable[SummaryRow]) -> list[Group]:
    """The samples by network, score, ratio (descending) and sampler."""
    groups = []
    for place, own in panels(rows).items():
        for (ratio, score, sampler), cells in grouped(own, _key).items():
            accuracies = tuple(100 * row.correct / row.total for row in cells)
            groups.append(Group(place.title, ratio, score, sampler, accuracies, cells[0].total))
    return sorted(groups, key=_position)


def _key(row: SummaryRow) -> tuple[float, str, str]:
    settings = parse_settings(row.settings)
    if row.method == "random":
        return row.ratio, row.method, SAMPLERS[1]
    names = {"coreset": MUSSAY, "leverage": LEVERAGE}
    score = names.get(row.method) or ELLIPSOIDS[settings["outermost"].lower()]
    return row.ratio, score, settings.get("sampler", SAMPLERS[0])


def _position(group: Group) -> tuple[str, int, float, int]:
    scores = ("random", MUSSAY, *OURS)
    return group.place, scores.index(group.score), *_by_column(group)


def _by_column(group: Group) -> tuple[float, int]:
    return -group.ratio, SAMPLERS.index(group.sampler)


def _column(group: Group) -> str:
    return f"{group.ratio:g} {group.sampler}"


def _cells(groups: Sequence[Group]) -> dict[str, str]:
    """By column; what draws nothing is one value and no sample."""
    return {
        _column(group): f"{group.accuracies[0]:.1f}"
        if group.sampler == "top"
        else sample(group.accuracies).text
        for group in groups
    }


def _contrast(ours: Group, theirs: Group) -> ContrastRow:
    first, second = ours.sample, theirs.sample
    difference, reach = welch(first, second)
    test = stats.ttest_ind_from_stats(
        *(first.mean, first.sd, first.n), *(second.mean, second.sd, second.n), equal_var=False
    )
    return ContrastRow(
        claim=ours.score,
        statement=f"{ours.score} more accurate than {theirs.score}, for this checkpoint",
        place=f"{ours.place}, keep {ours.ratio:g}, {ours.sampler}",
        stage="before",
        margin=None,
        unit="test images" if ours.sampler == "top" else "samples each",
        n=first.n,
        difference=difference,
        low=difference - reach,
        high=difference + reach,
        p=float(test.pvalue),
    )
