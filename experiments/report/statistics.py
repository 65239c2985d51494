"""Mean and standard deviation over dense networks, the unit of replication."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from typing import Any, Literal, TypeVar

import numpy as np

from experiments.report.options import parse_options
from experiments.report.summary import SummaryRow

# Fewer dense networks are a case study.
FEW = 3
Stage = Literal["compressed", "recalibrated", "finetuned"]
STAGES: tuple[Stage, ...] = ("compressed", "recalibrated", "finetuned")
Key = TypeVar("Key")
Row = TypeVar("Row")


@dataclass(frozen=True)
class Sample:
    """Mean, standard deviation (n − 1 in the denominator, 0 of a single value) and their number."""

    mean: float
    sd: float
    n: int

    @property
    def text(self) -> str:
        """``94.3 ± 0.2``; no deviation of a single value; fewer than three values are marked."""
        return f"{self.mean:.1f}{self._spread}"

    @property
    def signed(self) -> str:
        """The same with a sign: ``+1.4 ± 0.2``."""
        return f"{self.mean:+.1f}{self._spread}"

    @property
    def _spread(self) -> str:
        spread = f" ± {self.sd:.1f}" if self.n > 1 else ""
        return f"{spread}{'†' if self.n < FEW else ''}"


def sample(values: Iterable[float]) -> Sample:
    """Statistics of ``values``, one per replication."""
    array = np.asarray(list(values), dtype=float)
    sd = float(array.std(ddof=1)) if len(array) > 1 else 0.0
    return Sample(float(array.mean()), sd, len(array))


def accuracy(rows: Iterable[SummaryRow], stage: Stage = "compressed") -> Sample:
    """Top-1 in percent; several cells on one dense network are averaged first."""
    return _over_networks(rows, lambda row: _percent(row, correct_at(row, stage)))


def gain(rows: Iterable[SummaryRow], stage: Stage) -> Sample:
    """Points of top-1 that ``stage`` brought, per dense network."""
    return _over_networks(rows, lambda row: _percent(row, correct_at(row, stage) - row.correct))


def accuracy_after(rows: Iterable[SummaryRow], epoch: int) -> Sample:
    """Top-1 in percent after so many epochs of fine-tuning."""
    return _over_networks(rows, lambda row: _percent(row, row.epochs[epoch]))


def dense_accuracy(rows: Iterable[SummaryRow], stage: Stage = "compressed") -> Sample:
    """Top-1 of the dense networks behind ``rows``, in percent, re-calibrated or as they are."""
    if stage == "recalibrated":
        measured = [row for row in rows if row.recalibrated_dense_correct is not None]
        return _over_networks(
            measured, lambda row: _percent(row, row.recalibrated_dense_correct or 0)
        )
    return _over_networks(rows, lambda row: _percent(row, row.dense_correct))


def stages(rows: Iterable[SummaryRow]) -> tuple[Stage, ...]:
    """The stages that all of ``rows`` went through."""
    rows = list(rows)
    return tuple(s for s in STAGES if all(_correct(row, s) is not None for row in rows))


def correct_at(row: SummaryRow, stage: Stage) -> int:
    """Images classified correctly at ``stage``, through which the row went."""
    correct = _correct(row, stage)
    assert correct is not None
    return correct


def grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> dict[Key, list[Row]]:
    """Rows by ``key``, keys in the order of their first row."""
    groups: dict[Key, list[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


@dataclass(frozen=True)
class Place:
    """What a panel or a block is about."""

    dataset: str
    arch: str
    scope: str

    @property
    def title(self) -> str:
        """The scope is named where it is not the usual one."""
        return self._titled(self.arch)

    @property
    def two_lines(self) -> str:
        """The title with the options of the network, if any, on a line of their own."""
        network, options = parse_options(self.arch)
        pairs = ", ".join(f"{key}={value}" for key, value in options.items())
        return f"{self._titled(network)}\n{pairs}".rstrip()

    def _titled(self, network: str) -> str:
        scope = "" if self.scope == "all" else f", scope {self.scope}"
        return f"{self.dataset}, {network}{scope}"


def panels(rows: Iterable[SummaryRow]) -> dict[Place, list[SummaryRow]]:
    """Rows that are done, by data set, network and scope."""
    done = (row for row in rows if row.status == "done")
    places = grouped(done, lambda row: Place(row.dataset, row.arch, row.scope))
    return dict(sorted(places.items(), key=lambda item: astuple(item[0])))


def _correct(row: SummaryRow, stage: Stage) -> int | None:
    return row.correct if stage == "compressed" else getattr(row, f"{stage}_correct")


def _percent(row: SummaryRow, correct: int) -> float:
    return 100 * correct / row.total


def _over_networks(rows: Iterable[SummaryRow], value: Callable[[SummaryRow], float]) -> Sample:
    networks: dict[Any, list[SummaryRow]] = grouped(rows, lambda row: row.checkpoint)
    return sample(sample(map(value, cells)).mean for cells in networks.values())
