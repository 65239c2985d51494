"""Accuracy by method and ratio, one block per data set and network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from experiments.report.statistics import Sample, accuracy, dense_accuracy, grouped, panels
from experiments.report.summary import SummaryRow
from experiments.report.variants import variants

# Tier, needs, name.
Method = tuple[int, str, str]


@dataclass(frozen=True)
class Line:
    """One line of a table; ``best`` marks the cells to be set in bold."""

    method: str
    needs: str
    cells: tuple[str, ...]
    best: tuple[bool, ...]


@dataclass(frozen=True)
class Block:
    """The table of one data set and network."""

    title: str
    ratios: tuple[str, ...]
    lines: tuple[Line, ...]


def blocks(rows: Sequence[SummaryRow]) -> list[Block]:
    """The blocks of a summary: methods by tier and name, ratios descending."""
    names = variants(rows)
    return [_block(*place, cells, names) for place, cells in panels(rows).items()]


def notes(all_blocks: Iterable[Block]) -> Iterator[str]:
    """What the marks in these blocks mean."""
    yield "Bold: the best of its tier (column needs) at that ratio, the share of neurons kept."
    if any("†" in cell for block in all_blocks for line in block.lines for cell in line.cells):
        yield "†: fewer than three dense networks."


def _block(dataset: str, arch: str, rows: Sequence[SummaryRow], names: Mapping[str, str]) -> Block:
    ratios = sorted({row.ratio for row in rows}, reverse=True)
    methods = grouped(rows, lambda row: (row.tier, row.needs, names[row.identity]))
    samples = {method: _by_ratio(cells) for method, cells in methods.items()}
    dense = dense_accuracy(rows)
    lines = [_plain("dense", [dense.text] * len(ratios))]
    lines += [_line(method, samples, ratios, dense.n) for method in sorted(samples)]
    lines.append(_plain("parameters kept", _shares(rows, ratios, "parameters")))
    lines.append(_plain("MACs kept", _shares(rows, ratios, "macs")))
    title = f"{dataset}, {arch}: top-1 in %, mean ± sd over n = {dense.n} dense networks"
    return Block(title, tuple(f"{ratio:g}" for ratio in ratios), tuple(lines))


def _by_ratio(rows: Sequence[SummaryRow]) -> dict[float, Sample]:
    return {ratio: accuracy(cells) for ratio, cells in grouped(rows, lambda r: r.ratio).items()}


def _line(
    method: Method,
    samples: Mapping[Method, Mapping[float, Sample]],
    ratios: Sequence[float],
    usual: int,
) -> Line:
    cells, best = [], []
    for ratio in ratios:
        own = samples[method].get(ratio)
        rivals = [s[ratio].mean for m, s in samples.items() if m[0] == method[0] and ratio in s]
        cells.append("–" if own is None else _text(own, usual))
        # Means of the same integers in another order may differ by an ulp.
        best.append(own is not None and own.mean > max(rivals) - 1e-9)
    return Line(method[2], method[1], tuple(cells), tuple(best))


def _plain(title: str, cells: Sequence[str]) -> Line:
    return Line(title, "", tuple(cells), (False,) * len(cells))


def _text(value: Sample, usual: int) -> str:
    return value.text if value.n == usual else f"{value.text} ({value.n})"


def _shares(rows: Sequence[SummaryRow], ratios: Sequence[float], cost: str) -> list[str]:
    """Achieved share of ``cost`` per ratio, in percent; a range where methods differ."""
    texts = []
    for ratio in ratios:
        shares = [
            100 * getattr(row, cost) / getattr(row, f"dense_{cost}")
            for row in rows
            if row.ratio == ratio
        ]
        low, high = f"{min(shares):.1f}", f"{max(shares):.1f}"
        texts.append(f"{low} %" if low == high else f"{low}–{high} %")
    return texts
