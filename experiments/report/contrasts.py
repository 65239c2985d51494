"""What one choice changes: pairs of cells that agree in everything else."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from experiments.report.statistics import Sample, sample
from experiments.report.summary import SummaryRow, parse_settings

Settings = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Pair:
    """Two cells on one dense network that differ in one option.

    Attributes:
        checkpoint: the dense network.
        ratio: keep ratio of both.
        accuracy: top-1 of the changed cell minus that of the base, in points.
        error: log10 of the output error, the same way.
        others: the settings in which they agree, by name.
    """

    checkpoint: str
    ratio: float
    accuracy: float
    error: float
    others: Settings


def pairs(rows: Sequence[SummaryRow], option: str, value: str, base: str) -> list[Pair]:
    """Every cell with ``option=value`` against the one with ``option=base``, all else equal."""
    changed = dict(_others(rows, option, value))
    against = dict(_others(rows, option, base))
    both = [key for key in changed if key in against]
    return [_pair(changed[key], against[key], key[-1]) for key in both]


def per_network(own: Iterable[Pair], error: bool = False) -> Sample:
    """Mean over the pairs of each dense network, then over the networks."""
    values: dict[str, list[float]] = {}
    for pair in own:
        values.setdefault(pair.checkpoint, []).append(pair.error if error else pair.accuracy)
    return sample(sample(own).mean for own in values.values())


def _pair(row: SummaryRow, base: SummaryRow, others: Settings) -> Pair:
    return Pair(
        row.checkpoint,
        row.ratio,
        100 * (row.correct - base.correct) / row.total,
        math.log10(row.output_error / base.output_error),
        others,
    )


def _others(
    rows: Iterable[SummaryRow], option: str, value: str
) -> Iterator[tuple[tuple[str, float, str, Settings], SummaryRow]]:
    """The rows with ``option=value``, each with all that must be equal in its partner."""
    for row in rows:
        settings = parse_settings(row.settings)
        if settings.pop(option) == value:
            yield (row.method, row.ratio, row.checkpoint, tuple(sorted(settings.items()))), row
