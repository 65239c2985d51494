"""Do the bounds order methods as the errors do? Within a unit, ratio and dense network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from experiments.geometry.rows import BoundRow
from experiments.report.statistics import Sample, sample

Value = Callable[[BoundRow], float | None]
ONE, OTHER = "tropnnc", "misiakos"


@dataclass(frozen=True)
class Share:
    """How many of ``total`` pairs of cells."""

    count: int
    total: int

    @property
    def text(self) -> str:
        """``35 of 36``; a dash where there are none."""
        return f"{self.count} of {self.total}" if self.total else "–"


def groups(rows: Iterable[BoundRow]) -> dict[tuple[object, ...], list[BoundRow]]:
    """Rows of one unit, ratio and dense network: only the method differs."""
    found: dict[tuple[object, ...], list[BoundRow]] = {}
    for row in rows:
        key = (row.dataset, row.arch, row.unit, row.ratio, row.seed)
        found.setdefault(key, []).append(row)
    return found


def lower_share(rows: Sequence[BoundRow], own: Value, others: Value) -> Share:
    """In how many groups ``own`` of TropNNC is below ``others`` of Misiakos (same clusters)."""
    won = []
    for group in groups(rows).values():
        by_method = {row.method: row for row in group}
        if {ONE, OTHER} <= by_method.keys():
            left, right = own(by_method[ONE]), others(by_method[OTHER])
            if left is not None and right is not None:
                won.append(left < right)
    return Share(sum(won), len(won))


def rank_correlation(rows: Sequence[BoundRow], bound: Value, error: Value) -> Sample | None:
    """Spearman's coefficient across methods within each group: mean per seed, then over seeds.

    Pooling ratios would be trivially correlated: all bounds and all errors grow as it falls.
    Groups in which a bound or an error does not exist, or is 0, do not count; None: no group does.
    """
    by_seed: dict[int, list[float]] = {}
    for group in groups(rows).values():
        pairs = [(x, y) for x, y in ((bound(row), error(row)) for row in group) if x and y]
        if len(pairs) == len(group):
            by_seed.setdefault(group[0].seed, []).append(spearman(pairs))
    return sample(sample(own).mean for own in by_seed.values()) if by_seed else None


def spearman(pairs: Sequence[tuple[float, float]]) -> float:
    """Spearman's rank correlation of the two members; 0 where one of them is constant."""
    ranks = rankdata(np.asarray(pairs), axis=0)
    centred = ranks - ranks.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    return float(centred[:, 0] @ centred[:, 1] / lengths.prod()) if lengths.all() else 0.0
