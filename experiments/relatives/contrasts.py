"""Paired differences of top-1 between two treatments, by which the papers' claims are judged.

One dense network, several draws of the training: Student's t over draws. One draw: paired bootstrap
over the test images. Contrasts are stated (:mod:`experiments.relatives.claims`) before any sweep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from experiments.claims.statistics import difference_p, paired
from experiments.evaluation import unpack_bits
from experiments.frontier.bootstrap import LEVEL, Resampled, difference
from experiments.record import Record
from experiments.relatives.rows import Row, Stage, row_of
from experiments.report.statistics import FEW, grouped
from tropnnc.seeding import derive_rng

Values = Mapping[str, object]
Key = tuple[object, ...]


@dataclass(frozen=True)
class Contrast:
    """Is the first more accurate than the second, or no worse?

    Attributes:
        claim: whose family of tests it is in; Holm corrects over that.
        statement: what is claimed.
        experiment: whose cells it is tried on.
        ours: columns of a summary row and their values; ``theirs`` likewise.
        stage: before or after the equal training.
        margin: in points; None: the claim is superiority, else "no worse by more than that".
        by: columns that must agree; empty where one of theirs meets all of ours.
    """

    claim: str
    statement: str
    experiment: str
    ours: Values
    theirs: Values
    stage: Stage
    margin: float | None = None
    by: tuple[str, ...] = ("network", "budget")


@dataclass(frozen=True)
class ContrastRow:
    """What one contrast found in one place.

    Attributes:
        unit: of replication, ``test images`` or ``draws of the training``; ``n`` of them.
        difference: points of top-1, ours less theirs; ``low`` to ``high``: 95 % interval.
        p: uncorrected; of "no difference", or of "worse by the margin at least".
    """

    claim: str
    statement: str
    place: str
    stage: str
    margin: float | None
    unit: str
    n: int
    difference: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, eq=False)
class Case:
    """A row with its record, for the bit per image."""

    row: Row
    record: Record = field(repr=False)

    def bits(self, stage: Stage) -> NDArray[np.bool_]:
        """Which test images are classified correctly."""
        return unpack_bits(self.record[stage])


def contrast_rows(contrast: Contrast, records: Iterable[Record]) -> list[ContrastRow]:
    """A row per place that both sides were measured in; none where one is missing."""
    cases = [Case(row_of(record), record) for record in records]
    ours = _chosen(contrast, contrast.ours, cases)
    theirs = _chosen(contrast, contrast.theirs, cases)
    return [
        _row(contrast, own, theirs[key if contrast.by else ()])
        for key, own in ours.items()
        if (key if contrast.by else ()) in theirs
    ]


def _chosen(contrast: Contrast, values: Values, cases: Sequence[Case]) -> dict[Key, list[Case]]:
    fitting = [
        case
        for case in cases
        if all(getattr(case.row, name) == value for name, value in values.items())
        and case.row.has(contrast.stage)
    ]
    one = values is contrast.theirs and not contrast.by
    columns = contrast.by or (() if one else ("network", "rewriter", "budget", "width"))
    return grouped(fitting, lambda case: tuple(getattr(case.row, name) for name in columns))


def _row(contrast: Contrast, ours: Sequence[Case], theirs: Sequence[Case]) -> ContrastRow:
    row = ours[0].row
    stage = "" if contrast.stage == "before" else f", {row.steps} steps"
    place = f"{row.network}, {row.label}{stage}"
    head = (contrast.claim, contrast.statement, place, contrast.stage, contrast.margin)
    own, other = _by_draw(ours), _by_draw(theirs)
    common = sorted(own.keys() & other.keys())
    if len(common) >= FEW:
        gaps = [
            own[draw].row.accuracy(contrast.stage) - other[draw].row.accuracy(contrast.stage)
            for draw in common
        ]
        return ContrastRow(*head, "draws of the training", *_over_draws(gaps, contrast.margin))
    draws = [common[0]] * 2 if common else [min(own), min(other)]
    first, second = (
        side[draw].bits(contrast.stage) for side, draw in zip((own, other), draws, strict=True)
    )
    return ContrastRow(*head, "test images", *_over_images(first, second, contrast.margin))


def _by_draw(cases: Sequence[Case]) -> dict[int, Case]:
    return {case.row.draw: case for case in cases}


def _over_draws(
    gaps: Sequence[float], margin: float | None
) -> tuple[int, float, float, float, float]:
    found = paired(gaps)
    low, high = found.interval(LEVEL)
    p = difference_p(found) if margin is None else found.above(-margin)
    return len(gaps), found.mean, low, high, p


def _over_images(
    ours: NDArray[np.bool_], theirs: NDArray[np.bool_], margin: float | None
) -> tuple[int, float, float, float, float]:
    found = difference(ours[None], theirs[None], _resampled(len(ours)))
    bound = 0.0 if margin is None else -margin
    if found.error == 0:
        above = 0.5 if found.mean == bound else float(found.mean < bound)
    else:
        above = float(stats.norm.sf((found.mean - bound) / found.error))
    p = above if margin is not None else 2 * min(above, 1 - above)
    return len(ours), found.mean, found.low, found.high, p


@lru_cache(maxsize=2)
def _resampled(images: int) -> Resampled:
    return Resampled(images, derive_rng(0, "relatives contrasts", images))
