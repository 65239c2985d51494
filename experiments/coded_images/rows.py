"""Summaries of the data track: codings, what each network saw in them, and what each image cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, TypeVar

from experiments.record import Record
from experiments.report.csv_rows import read_rows, write_rows
from experiments.track.summaries import Track
from tropnnc.errors import TropnncError

TRACK = Track("coded_images")


@dataclass(frozen=True)
class CodingRow:
    """One cell. ``ideal_bits`` are what a perfect coder would need, 0 where nothing is coded."""

    dataset: str
    codec: str
    layout: str
    knobs: str
    images: int
    pixels: int
    channels: int
    files: int
    payload_bytes: int
    shared_bytes: int
    ideal_bits: float
    training_seconds: float
    encode_seconds: float
    decode_seconds: float
    identity: str


@dataclass(frozen=True)
class LookRow:
    """One network on the images of one cell; ``bits``: which of them it classifies correctly."""

    identity: str
    network: str
    method: str
    ratio: float
    correct: int
    total: int
    bits: str


@dataclass(frozen=True)
class ImagesRow:
    """Bytes and squared error of every image of one cell, packed (``measure.unpacked``)."""

    identity: str
    sizes: str
    squared_errors: str


@dataclass(frozen=True)
class Summary:
    """Of an experiment."""

    codings: list[CodingRow]
    looks: list[LookRow]
    images: list[ImagesRow]


Row = TypeVar("Row", CodingRow, LookRow, ImagesRow)


def read_summary(results: Path, name: str) -> Summary:
    """The rows of an experiment.

    Raises:
        TropnncError: no such summary, or one that is not accepted.
    """
    codings = TRACK.read_summary(results, name, CodingRow)
    looks, images = _beside(TRACK.summary_path(results, name))
    summary = Summary(codings, read_rows(looks, LookRow), read_rows(images, ImagesRow))
    if {row.identity for row in summary.images} != {row.identity for row in codings}:
        raise TropnncError(f"{images}: not the cells of {name}.csv beside it; report it again")
    return summary


def write_summary(results: Path, name: str, records: Sequence[Record]) -> list[Path]:
    """Write what the records of an experiment say; the paths written."""
    path = TRACK.summary_path(results, name)
    looks, images = _beside(path)
    return [
        _write(path, CodingRow, map(_coding_row, records)),
        _write(looks, LookRow, (row for record in records for row in _look_rows(record))),
        _write(images, ImagesRow, map(_images_row, records)),
    ]


def _beside(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.stem}_looks.csv"), path.with_name(f"{path.stem}_images.csv")


def _coding_row(record: Record) -> CodingRow:
    config, facts, timing = record["config"], record["facts"], record["timing"]
    return CodingRow(
        dataset=config["dataset"],
        codec=config["codec"],
        layout=config["layout"],
        knobs=" ".join(f"{name}={value:g}" for name, value in sorted(config["knobs"].items())),
        images=config["images"],
        **{name: record[name] for name in ("pixels", "channels", "files")},
        **{name: record[name] for name in ("payload_bytes", "shared_bytes")},
        ideal_bits=round(facts.get("ideal_bits", 0.0), 1),
        training_seconds=facts.get("training_seconds", 0.0),
        encode_seconds=timing.get("encode_seconds", 0.0),
        decode_seconds=timing.get("decode_seconds", 0.0),
        identity=record["identity"],
    )


def _look_rows(record: Record) -> list[LookRow]:
    return [
        LookRow(
            identity=record["identity"],
            network=look["network"],
            method=look["method"] or "",
            ratio=look["ratio"],
            correct=look["correct"],
            total=look["total"],
            bits=look["bits"],
        )
        for look in record["accuracy"]
    ]


def _images_row(record: Record) -> ImagesRow:
    return ImagesRow(record["identity"], record["sizes"], record["squared_errors"])


def _write(path: Path, kind: type, rows: Iterable[Any]) -> Path:
    write_rows(path, kind, (astuple(row) for row in rows))
    return path
