"""What a method keeps and what it costs: the points among which the frontier lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from experiments.frontier.reading import RECALIBRATED
from experiments.report.statistics import Sample, Stage, accuracy, grouped, sample
from experiments.report.summary import SummaryRow
from experiments.report.variants import variants
from tropnnc.unit import Tier


@dataclass(frozen=True)
class Point:
    """A method on a network at a keep ratio.

    Attributes:
        name: of the method, with what it is told apart by, and the re-calibration if there was one.
        tier: rank of what it needs, re-calibration included.
        ratio: keep ratio.
        accuracy: top-1 in percent.
        macs: share of the multiply-adds kept, in percent; ``parameters`` likewise.
    """

    name: str
    tier: int
    ratio: float
    accuracy: Sample
    macs: float
    parameters: float


def points(rows: Sequence[SummaryRow]) -> list[Point]:
    """The points of one network's cells, one more for cells with batch norms taken anew."""
    names = variants(rows)
    cells = grouped(rows, lambda row: (row.tier, names[row.identity], row.ratio))
    return [point for (_, name, _), own in sorted(cells.items()) for point in _points(name, own)]


def front(own: Iterable[Point], cost: str) -> list[Point]:
    """Those that no other one beats: cheaper or equal, and more accurate. By rising ``cost``."""
    best: list[Point] = []
    for point in sorted(own, key=lambda p: (getattr(p, cost), -p.accuracy.mean)):
        if not best or point.accuracy.mean > best[-1].accuracy.mean:
            best.append(point)
    return best


def _points(name: str, rows: Sequence[SummaryRow]) -> list[Point]:
    found = [_point(name, rows[0].tier, rows, "compressed")]
    again = [row for row in rows if row.recalibrated_correct is not None]
    if again:
        tier = max(rows[0].tier, int(Tier.IMAGES))
        found.append(_point(f"{name}{RECALIBRATED}", tier, again, "recalibrated"))
    return found


def _point(name: str, tier: int, rows: Sequence[SummaryRow], stage: Stage) -> Point:
    return Point(
        name,
        tier,
        rows[0].ratio,
        accuracy(rows, stage),
        sample(100 * row.macs / row.dense_macs for row in rows).mean,
        sample(100 * row.parameters / row.dense_parameters for row in rows).mean,
    )
