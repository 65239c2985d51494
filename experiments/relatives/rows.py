"""Summaries of the relatives: a CSV row a cell, and one per file that its network fits into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, Literal

from experiments.record import Record
from experiments.relatives.tracks import SMALL, TRAINED_ONLY
from experiments.report.csv_rows import write_rows
from experiments.track.summaries import Track

TRACK = Track("relatives")
Stage = Literal["before", "after"]
STAGES: tuple[Stage, ...] = ("before", "after")


@dataclass(frozen=True)
class Row:
    """One network, before and after the training (if any).

    Attributes:
        track: family of what was done, a series of the figures.
        width: how it was made narrower; ``rewriter``, ``budget``, ``prune`` and ``share`` likewise.
        bytes: of the smallest file that all of its weights fit into losslessly, by ``codec``.
        macs: executed per image; ``formal_macs``: what the format would need if zeros and shared
            values were free.
        mask_changes: of N:M in training, :mod:`experiments.relatives.masks`.
    """

    network: str
    track: str
    width: str
    rewriter: str
    budget: str
    prune: float
    share: str
    half: int
    seed: int
    draw: int
    steps: int
    total: int
    dense_correct: int
    correct: int
    recalibrated_correct: int | None
    trained_correct: int | None
    dense_bytes: int
    bytes: int
    codec: str
    trained_bytes: int | None
    trained_codec: str
    dense_macs: int
    macs: int
    formal_macs: int | None
    mask_changes: int | None
    left_alone: str
    identity: str
    seconds: float

    @property
    def storage_only(self) -> bool:
        """Whether no multiply-add is saved."""
        return self.macs >= self.dense_macs

    def accuracy(self, stage: Stage) -> float:
        """Top-1 in percent; of a network trained from scratch there is no other stage."""
        correct = self.correct if stage == "before" else self.trained_correct
        return 100 * (self.correct if correct is None else correct) / self.total

    def size(self, stage: Stage) -> int:
        """Bytes of the smallest file."""
        size = self.bytes if stage == "before" else self.trained_bytes
        return self.bytes if size is None else size

    def has(self, stage: Stage) -> bool:
        """Whether it belongs into a picture of that stage."""
        if stage == "before":
            return self.track not in TRAINED_ONLY
        return self.trained_correct is not None or self.track == SMALL

    @property
    def label(self) -> str:
        """What was done, in a few words."""
        prune = f"{self.prune:g} % pruned" if self.prune else ""
        half = "float16" if self.half else ""
        parts = (self.width, f"{self.rewriter} {self.budget}".strip(), prune, self.share, half)
        return ", ".join(part for part in parts if part) or "dense"


@dataclass(frozen=True)
class FileRow:
    """Bytes on disk of one network under one codec."""

    identity: str
    stage: str
    codec: str
    bytes: int


def write_summaries(results: Path, name: str, records: Sequence[Record]) -> list[Path]:
    """Write what the records of an experiment say; the paths written."""
    rows, files = (TRACK.summary_path(results, f"{name}{part}") for part in ("", "_files"))
    write_rows(rows, Row, (astuple(row_of(record)) for record in records))
    write_rows(files, FileRow, (astuple(row) for r in records for row in _files(r)))
    return [rows, files]


def row_of(record: Record) -> Row:
    """Of one cell."""
    before, after = record["before"], record.get("after")
    codec, size = smallest(before["files"])
    trained_codec, trained_size = smallest(after["files"]) if after else ("", None)
    return Row(
        **record["names"],
        total=before["total"],
        dense_correct=record["dense"]["correct"],
        correct=before["correct"],
        recalibrated_correct=record.get("recalibrated", {}).get("correct"),
        trained_correct=after["correct"] if after else None,
        dense_bytes=record["dense"]["bytes"],
        bytes=size,
        codec=codec,
        trained_bytes=trained_size,
        trained_codec=trained_codec,
        dense_macs=record["dense"]["macs"],
        macs=record["macs"],
        formal_macs=record["formal_macs"],
        mask_changes=record.get("mask_changes"),
        left_alone=" ".join(layer["name"] for layer in record["left_alone"]),
        identity=record["identity"],
        seconds=round(sum(record["timing"].values()), 3),
    )


def smallest(files: Mapping[str, int]) -> tuple[str, int]:
    """The codec with the smallest file, the first of equal ones, and its bytes."""
    return min(files.items(), key=lambda item: item[1])


def _files(record: Mapping[str, Any]) -> list[FileRow]:
    return [
        FileRow(record["identity"], stage, codec, size)
        for stage in STAGES
        for codec, size in record.get(stage, {}).get("files", {}).items()
    ]
