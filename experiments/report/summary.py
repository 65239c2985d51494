"""The committed summary: one CSV row per cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from experiments.report.csv_rows import read_rows, write_rows
from tropnnc.errors import TropnncError, check_choice
from tropnnc.unit import Tier

TIERS = tuple(tier.label for tier in Tier)
STATUSES = ("done", "skipped")
_FORMATS = {"ratio": "g", "output_error": ".6g", "compress_seconds": ".4f"}
_FORMATS |= dict.fromkeys(("evaluate_seconds", "finetune_seconds"), ".4f")
_FORMATS |= dict.fromkeys(("imagine_seconds", "finetune_imagine_seconds"), ".4f")


@dataclass(frozen=True)
class SummaryRow:
    """One cell. Numbers of a cell that is not ``done`` are empty in the file and 0 here.

    ``settings`` holds every axis that has no column of its own, as ``name=value`` pairs. What was
    not asked for (re-calibration, fine-tuning) is None. ``curve`` are pairs ``epoch=correct``.
    ``peak_rss``: bytes resident at most, libraries and data included; None in older files.
    ``imagine_seconds``: of making the images that the method made from the weights, once for all
    cells on the network, beside ``compress_seconds``; None where it made none.
    ``finetune_imagine_seconds``: the same for the fine-tuning, beside ``finetune_seconds``, also
    where they are the method's.
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
    peak_rss: int | None = None
    imagine_seconds: float | None = None
    finetune_imagine_seconds: float | None = None

    def __post_init__(self) -> None:
        check_choice("needs", self.needs, TIERS)
        check_choice("status", self.status, STATUSES)
        if self.status == "done" and self.total < 1:
            raise TropnncError(f"total = {self.total} is not accepted; a cell that is done has any")

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
    """Write the CSV: timings and memory last, numbers always formatted alike."""
    write_rows(path, SummaryRow, map(_texts, rows))


def read_summary(path: Path) -> list[SummaryRow]:
    """The rows that :func:`write_summary` wrote.

    Raises:
        TropnncError: not readable, other columns, or an entry that is not accepted.
    """
    return read_rows(path, SummaryRow)


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
