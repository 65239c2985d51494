"""A published figure and what the suite measures instead of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from experiments.check.composing import cell_of
from experiments.check.figure import Figure
from experiments.check.lookup import Cells
from experiments.check.mapping import is_dense, overrides_of
from experiments.check.widths import keep_ratio
from experiments.report.statistics import Sample, sample
from experiments.report.summary import SummaryRow
from experiments.settings import CellSettings
from tropnnc.errors import TropnncError


@dataclass(frozen=True)
class Mapped:
    """The cells of a figure, one per seed, and the overrides of ``run.py`` that make the first."""

    figure: Figure
    overrides: tuple[str, ...]
    cells: tuple[CellSettings, ...]

    @property
    def method(self) -> str:
        """Ours."""
        return self.cells[0].method.name

    def under(self, override: str) -> Mapped:
        """The same figure with one option changed."""
        return mapped_onto(self.figure, (*self.overrides, override), len(self.cells))


@dataclass(frozen=True)
class Comparison:
    """Theirs and ours, in the units of the figure.

    Attributes:
        ours: over dense networks.
        computed: how many cells were computed for it; the rest was looked up.
    """

    figure: Figure
    ours: Sample
    computed: int

    @property
    def difference(self) -> float:
        """Ours − theirs."""
        return round(self.ours.mean - self.figure.value, 9) + 0.0  # no negative zero

    @property
    def same_digits(self) -> bool:
        """Whether ours rounds to what is printed."""
        return abs(self.difference) <= self.figure.half_digit + 1e-9

    @property
    def band(self) -> float:
        """What the printed digits and two standard deviations of both leave open.

        A paper's network is another draw of the training seed.
        """
        spread = (self.figure.plus_minus**2 + self.ours.sd**2) ** 0.5
        return self.figure.half_digit + 2 * spread + 1e-9


def map_figure(figure: Figure, cells: Cells, seeds: int) -> Mapped:
    """The cells that measure ``figure``.

    Raises:
        Unmapped: there are none, and why.
        TropnncError: overrides that are not accepted.
    """
    overrides = overrides_of(figure)
    ratio = 1.0
    if not is_dense(figure):
        ratio = keep_ratio(figure, cell_of(overrides), cells.machine)
    return mapped_onto(figure, (*overrides, f"ratio={ratio:g}"), seeds)


def mapped_onto(figure: Figure, overrides: tuple[str, ...], seeds: int) -> Mapped:
    """The cells of ``overrides`` for ``figure``: one where the weights are published."""
    cell = cell_of(overrides)
    count = 1 if cell.arch.checkpoint else seeds
    return Mapped(figure, overrides, tuple(replace(cell, seed=seed) for seed in range(count)))


def measure(mapped: Mapped, cells: Cells) -> Comparison:
    """Ours beside theirs; cells that are nowhere to be found are computed.

    Raises:
        TropnncError: data or weights absent, or a cell that fails.
    """
    found = [cells.find(cell) for cell in mapped.cells]
    pairs = zip(mapped.cells, found, strict=True)
    rows = [cells.compute(cell) if row is None else row for cell, row in pairs]
    return Comparison(mapped.figure, _sample(mapped.figure, rows), found.count(None))


def missing(mapped: Mapped, cells: Cells) -> int:
    """How many cells :func:`measure` would have to compute."""
    return sum(cells.find(cell) is None for cell in mapped.cells)


def _sample(figure: Figure, rows: Sequence[SummaryRow]) -> Sample:
    skipped = [row for row in rows if row.status != "done"]
    if skipped:
        raise TropnncError(f"{skipped[0].method} was {skipped[0].status}")
    return sample(_value(figure, row) for row in rows)


def _value(figure: Figure, row: SummaryRow) -> float:
    correct = row.correct if figure.finetuning == "before" else row.finetuned_correct
    if correct is None:
        raise TropnncError("the cell was not fine-tuned: finetune.epochs is 0")
    if figure.metric == "drop":
        return 100 * (row.dense_correct - correct) / row.total
    accuracy = 100 * correct / row.total
    return accuracy if figure.metric == "accuracy" else 100 - accuracy
