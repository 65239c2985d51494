"""The rows of a small summary, and those of cells that were fine-tuned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from experiments.report.summary import SummaryRow, read_summary

FIXTURES = Path(__file__).parent / "fixtures"
ROWS = read_summary(FIXTURES / "tiny.csv")


def of(method: str, ratio: float) -> list[SummaryRow]:
    place = ("lenet_a", method, ratio)
    return [row for row in ROWS if (row.arch, row.method, row.ratio) == place]


def tuned(row: SummaryRow) -> SummaryRow:
    """Two points better after an epoch, three after ten; re-calibration takes one away."""
    first, last, less = (row.correct + row.total * points // 100 for points in (2, 3, -1))
    return replace(
        row,
        recalibrated_dense_correct=row.dense_correct - row.total // 50,
        recalibrated_correct=less,
        finetuned_correct=last,
        curve=f"1={first} 10={last}",
    )
