"""The committed summary: one CSV row per cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic
from tropnnc.unit import Tier

TIERS = tuple(tier.label for tier in Tier)
_FORMATS = {"ratio": "g", "output_error": ".6g", "compress_seconds": ".4f"}
_FORMATS["evaluate_seconds"] = _FORMATS["finetune_seconds"] = ".4f"
_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": lambda text: int(text or 0),
    "float": lambda text: float(text or 0),
    "int | None": lambda text: int(text) if text else None,
    "float | None": lambda text: float(text) if text else None,
}


@dataclass(frozen=True)
class SummaryRow:
    """One cell. Numbers of a cell that is not ``done`` are empty in the file and 0 here.

    ``settings`` holds every axis that has no column of its own, as ``name=value`` pairs. What was
    not asked for (re-calibration, fine-tuning) is None. ``curve`` are pairs ``epoch=correct``.
    """

    dataset: str
    arch: str
    method: str
    settings: str
    needs: str
    ratio: float
    seed: int
    status: str
    total: int
    dense_correct: int
    correct: int
    output_error: float
    recalibrated_dense_correct: int | None
    recalibrated_correct: int | None
    finetuned_correct: int | None
    curve: str
    dense_parameters: int
    parameters: int
    dense_macs: int
    macs: int
    dense_bytes: int
    bytes: int
    widths: str
    bits_sha256: str
    checkpoint: str
    identity: str
    compress_seconds: float
    evaluate_seconds: float
    finetune_seconds: float | None

    @property
    def scope(self) -> str:
        """Which layers were open to the method."""
        return parse_settings(self.settings)["scope"]

    @property
    def epochs(self) -> dict[int, int]:
        """Images classified correctly by epochs of fine-tuning, from 0 on."""
        later = (pair.split("=") for pair in self.curve.split())
        return {0: self.correct} | {int(epoch): int(correct) for epoch, correct in later}

    @property
    def tier(self) -> int:
        """Rank of ``needs``."""
        return TIERS.index(self.needs)


def write_summary(rows: Sequence[SummaryRow], path: Path) -> None:
    """Write the CSV: timing columns last, numbers always formatted alike."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(field.name for field in fields(SummaryRow))
    writer.writerows(_texts(row) for row in rows)
    write_atomic(path, buffer.getvalue().encode())


def read_summary(path: Path) -> list[SummaryRow]:
    """The rows that :func:`write_summary` wrote.

    Raises:
        TropnncError: the file has other columns.
    """
    reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    expected = [field.name for field in fields(SummaryRow)]
    if reader.fieldnames is None or list(reader.fieldnames) != expected:
        raise TropnncError(f"{path}: accepted are the columns {', '.join(expected)}")
    return [
        SummaryRow(**{f.name: _READERS[str(f.type)](line[f.name]) for f in fields(SummaryRow)})
        for line in reader
    ]


def _texts(row: SummaryRow) -> list[str]:
    measured = row.status == "done"
    texts = []
    for field in fields(row):
        value = getattr(row, field.name)
        determined = isinstance(value, str) or field.name in ("ratio", "seed")
        shown = value is not None and (measured or determined)
        texts.append(format(value, _FORMATS.get(field.name, "")) if shown else "")
    return texts


def parse_settings(settings: str) -> dict[str, str]:
    """The axes of :attr:`SummaryRow.settings`, by name."""
    return dict(pair.split("=", 1) for pair in settings.split())
