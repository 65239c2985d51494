"""Images that a compressed network loses and gains against its dense one, top-1 and top-5."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from experiments.evaluation import unpack_bits
from experiments.record import Record
from experiments.report.csv_rows import read_rows, write_rows

Z = 1.959963984540054  # of 95 %


@dataclass(frozen=True)
class PairedRow:
    """One cell, as compressed; ``lost`` were right before, ``gained`` are right now."""

    identity: str
    total: int
    dense: int
    correct: int
    lost: int
    gained: int
    dense_top5: int
    correct_top5: int
    lost_top5: int
    gained_top5: int


def paired_rows(records: Iterable[Record]) -> list[PairedRow]:
    """The rows of the cells that are done and count top-5, by identity."""
    cells = {r["identity"]: r for r in records if "top5" in r.get("compressed", {})}
    return [_row(cells[identity]) for identity in sorted(cells)]


def paired_path(results: Path, experiment: str) -> Path:
    """Where the rows of ``experiment`` are committed."""
    return results / "summary" / "paired" / f"{experiment}.csv"


def write_paired(rows: Sequence[PairedRow], path: Path) -> None:
    """Write the CSV."""
    write_rows(path, PairedRow, map(astuple, rows))


def read_paired(path: Path) -> dict[str, PairedRow]:
    """The rows that :func:`write_paired` wrote, by identity; none where there is no file.

    Raises:
        TropnncError: not readable, other columns, or an entry that is not accepted.
    """
    rows = read_rows(path, PairedRow) if path.exists() else []
    return {row.identity: row for row in rows}


def change(lost: int, gained: int, total: int) -> tuple[float, float, float]:
    """Change in points and its 95 % interval, for images like these.

    Bonett and Price (2012): one image is added to either count of disagreements, so that the
    interval has a length where no image changes.
    """
    p, q = (lost + 1) / (total + 2), (gained + 1) / (total + 2)
    half = Z * math.sqrt((p + q - (q - p) ** 2) / (total + 2))
    low, high = max(-1.0, q - p - half), min(1.0, q - p + half)
    return 100 * (gained - lost) / total, 100 * low, 100 * high


def _row(record: Record) -> PairedRow:
    dense, small = record["dense"], record["compressed"]
    top1, top5 = _counts(dense, small), _counts(dense["top5"], small["top5"])
    return PairedRow(record["identity"], dense["total"], *top1, *top5)


def _counts(dense: Mapping[str, Any], small: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Right before, right now, lost, gained."""
    before, after = unpack_bits(dict(dense)), unpack_bits(dict(small))
    lost, gained = int((before & ~after).sum()), int((~before & after).sum())
    return int(before.sum()), int(after.sum()), lost, gained
