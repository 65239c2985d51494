"""Accuracy by method and ratio, one block per data set, network and scope."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from experiments.report.statistics import (
    Place,
    Sample,
    Stage,
    accuracy,
    dense_accuracy,
    gain,
    grouped,
    panels,
    stages,
)
from experiments.report.summary import SummaryRow
from experiments.report.variants import is_rescaled, variants

# Tier, needs, name.
Method = tuple[int, str, str]
# In the names of these architectures.
RESIDUAL = "resnet"
# In the titles of blocks of paired counts.
FOR_THESE = "of these"
AFTER: dict[Stage, str] = {"recalibrated": "re-calibrated", "finetuned": "fine-tuned"}


@dataclass(frozen=True)
class Line:
    """One line of a table; ``best`` marks the cells to be set in bold."""

    method: str
    needs: str
    cells: tuple[str, ...]
    best: tuple[bool, ...]


@dataclass(frozen=True)
class Column:
    """Accuracy at a ratio and a stage, or what the stage gained."""

    ratio: float
    stage: Stage = "compressed"
    gained: bool = False

    @property
    def heading(self) -> str:
        """``0.1``, ``0.1 fine-tuned``, ``0.1 gain``."""
        after = "gain" if self.gained else AFTER.get(self.stage, "")
        return f"{self.ratio:g} {after}".rstrip()

    def sample(self, rows: Iterable[SummaryRow]) -> Sample | None:
        """Its statistics over a method's ``rows``; None where none has its ratio."""
        own = [row for row in rows if row.ratio == self.ratio]
        if not own:
            return None
        return gain(own, self.stage) if self.gained else accuracy(own, self.stage)

    def text(self, sample: Sample | None, usual: int) -> str:
        """The cell; the number of networks where it is not the ``usual`` one."""
        if sample is None:
            return "–"
        text = sample.signed if self.gained else sample.text
        return text if sample.n == usual else f"{text} ({sample.n})"


@dataclass(frozen=True)
class Block:
    """The table of one data set, network and scope."""

    title: str
    headings: tuple[str, ...]
    lines: tuple[Line, ...]


def blocks(rows: Sequence[SummaryRow]) -> list[Block]:
    """The blocks of a summary: methods by tier and name, ratios descending."""
    names = variants(rows)
    return [_block(place, cells, names) for place, cells in panels(rows).items()]


def notes(all_blocks: Iterable[Block]) -> Iterator[str]:
    """What the marks in these blocks mean."""
    yield "Bold: the best of its tier (column needs) at that ratio, the share of neurons kept."
    all_blocks = list(all_blocks)
    if any("†" in cell for block in all_blocks for line in block.lines for cell in line.cells):
        yield "†: fewer than three dense networks."
    if any(FOR_THESE in block.title for block in all_blocks):
        yield (
            "(-lost +gained): images right before and wrong now, and the reverse. Intervals: 95 %,"
            " paired (Bonett and Price, 2012), for these images; they say nothing of other ones,"
            " and the counts are not to be set beside published accuracies."
        )
    if any(RESIDUAL in block.title for block in all_blocks):
        yield (
            "Residual networks: only the inner convolution of every block is compressed; layers"
            " that feed an addition are left as they are."
        )


def _block(place: Place, rows: Sequence[SummaryRow], names: Mapping[str, str]) -> Block:
    columns = _columns(rows)
    methods = grouped(rows, lambda row: (row.tier, row.needs, names[row.identity]))
    samples = {m: [column.sample(cells) for column in columns] for m, cells in methods.items()}
    usual = dense_accuracy(rows).n
    lines = [_plain("dense", [_dense(rows, column) for column in columns])]
    lines += [_line(method, samples, columns, usual) for method in sorted(samples)]
    for cost, title in (("parameters", "parameters kept"), ("macs", "MACs kept")):
        lines.append(_plain(title, [_shares(rows, column, cost) for column in columns]))
    over = "rescalings of dense ones" if any(map(is_rescaled, rows)) else "dense networks"
    title = f"{place.title}: top-1 in %, mean ± sd over n = {usual} {over}"
    return Block(title, tuple(column.heading for column in columns), tuple(lines))


def _columns(rows: Sequence[SummaryRow]) -> list[Column]:
    """Before, after, and what the last stage gained, for every ratio."""
    ratios = sorted({row.ratio for row in rows}, reverse=True)
    columns = []
    for ratio in ratios:
        after = stages(row for row in rows if row.ratio == ratio)
        columns += [Column(ratio, stage) for stage in after]
        if len(after) > 1:
            columns.append(Column(ratio, after[-1], gained=True))
    return columns


def _line(
    method: Method,
    samples: Mapping[Method, Sequence[Sample | None]],
    columns: Sequence[Column],
    usual: int,
) -> Line:
    own = samples[method]
    rivals = zip(*(values for m, values in samples.items() if m[0] == method[0]), strict=True)
    best = [
        sample is not None and not column.gained and _is_best(sample, others)
        for column, sample, others in zip(columns, own, rivals, strict=True)
    ]
    cells = [column.text(sample, usual) for column, sample in zip(columns, own, strict=True)]
    return Line(method[2], method[1], tuple(cells), tuple(best))


def _is_best(sample: Sample, others: Iterable[Sample | None]) -> bool:
    # Means of the same integers in another order may differ by an ulp.
    return sample.mean > max(other.mean for other in others if other is not None) - 1e-9


def _dense(rows: Sequence[SummaryRow], column: Column) -> str:
    if column.gained or column.stage == "finetuned":
        return ""
    return dense_accuracy(rows, column.stage).text


def _plain(title: str, cells: Sequence[str]) -> Line:
    return Line(title, "", tuple(cells), (False,) * len(cells))


def _shares(rows: Sequence[SummaryRow], column: Column, cost: str) -> str:
    """Achieved share of ``cost``, in percent; a range where methods differ; said once a ratio."""
    if column != Column(column.ratio):
        return ""
    shares = [
        100 * getattr(row, cost) / getattr(row, f"dense_{cost}")
        for row in rows
        if row.ratio == column.ratio
    ]
    low, high = f"{min(shares):.1f}", f"{max(shares):.1f}"
    return f"{low} %" if low == high else f"{low}–{high} %"
