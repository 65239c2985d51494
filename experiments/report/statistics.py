"""Mean and standard deviation over dense networks, the unit of replication."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from experiments.report.summary import SummaryRow

FEW = 3
Key = TypeVar("Key")


@dataclass(frozen=True)
class Sample:
    """Mean, standard deviation (n − 1 in the denominator, 0 of a single value) and their number."""

    mean: float
    sd: float
    n: int

    @property
    def text(self) -> str:
        """``94.3 ± 0.2``; no deviation of a single value; fewer than three values are marked."""
        spread = f" ± {self.sd:.1f}" if self.n > 1 else ""
        return f"{self.mean:.1f}{spread}{'†' if self.n < FEW else ''}"


def sample(values: Iterable[float]) -> Sample:
    """Statistics of ``values``, one per replication."""
    array = np.asarray(list(values), dtype=float)
    sd = float(array.std(ddof=1)) if len(array) > 1 else 0.0
    return Sample(float(array.mean()), sd, len(array))


def accuracy(rows: Iterable[SummaryRow]) -> Sample:
    """Top-1 in percent; several cells on one dense network are averaged first."""
    return _over_networks(rows, lambda row: 100 * row.correct / row.total)


def dense_accuracy(rows: Iterable[SummaryRow]) -> Sample:
    """Top-1 of the dense networks behind ``rows``, in percent."""
    return _over_networks(rows, lambda row: 100 * row.dense_correct / row.total)


def grouped(
    rows: Iterable[SummaryRow], key: Callable[[SummaryRow], Key]
) -> dict[Key, list[SummaryRow]]:
    """Rows by ``key``, keys in the order of their first row."""
    groups: dict[Key, list[SummaryRow]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def panels(rows: Iterable[SummaryRow]) -> dict[tuple[str, str], list[SummaryRow]]:
    """Rows that are done, by data set and network."""
    done = (row for row in rows if row.status == "done")
    return grouped(done, lambda row: (row.dataset, row.arch))


def _over_networks(rows: Iterable[SummaryRow], value: Callable[[SummaryRow], float]) -> Sample:
    networks: dict[Any, list[SummaryRow]] = grouped(rows, lambda row: row.checkpoint)
    return sample(sample(map(value, cells)).mean for cells in networks.values())
