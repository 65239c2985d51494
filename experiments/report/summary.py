"""The committed summary: one CSV row per cell."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from experiments.record import Record
from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic
from tropnnc.unit import Tier

TIERS = tuple(tier.label for tier in Tier)
_FORMATS = {"ratio": "g", "output_error": ".6g", "compress_seconds": ".4f"}
_FORMATS["evaluate_seconds"] = ".4f"
_READERS = {"str": str, "int": lambda text: int(text or 0), "float": lambda text: float(text or 0)}


@dataclass(frozen=True)
class SummaryRow:
    """One cell. Numbers of a cell that is not ``done`` are empty in the file and 0 here.

    ``settings`` holds every axis that has no column of its own, as ``name=value`` pairs.
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
    dense_parameters: int
    parameters: int
    dense_macs: int
    macs: int
    dense_bytes: int
    bytes: int
    widths: str
    checkpoint: str
    identity: str
    compress_seconds: float
    evaluate_seconds: float

    @property
    def tier(self) -> int:
        """Rank of ``needs``."""
        return TIERS.index(self.needs)


def summary_row(record: Record) -> SummaryRow:
    """The row of a settled record."""
    config = record["config"]
    dense, compressed = record.get("dense", {}), record.get("compressed", {})
    timing = record.get("timing", {})
    arch_options = {key: value for key, value in config["arch"].items() if key != "name"}
    return SummaryRow(
        dataset=config["dataset"]["name"],
        arch=_with_options(config["arch"]["name"], arch_options),
        method=config["method"]["name"],
        settings=_settings(record),
        needs=record["needs"],
        ratio=config["ratio"],
        seed=config["seed"],
        status=record["status"],
        total=dense.get("total", 0),
        dense_correct=dense.get("correct", 0),
        correct=compressed.get("correct", 0),
        output_error=record.get("output_error", 0.0),
        dense_parameters=dense.get("parameters", 0),
        parameters=compressed.get("parameters", 0),
        dense_macs=dense.get("macs", 0),
        macs=compressed.get("macs", 0),
        dense_bytes=dense.get("bytes", 0),
        bytes=compressed.get("bytes", 0),
        widths=" ".join(f"{unit['name']}={unit['kept']}" for unit in record.get("units", [])),
        checkpoint=record["checkpoint"],
        identity=record["identity"],
        compress_seconds=timing.get("compress_seconds", 0.0),
        evaluate_seconds=timing.get("evaluate_seconds", 0.0),
    )


def summary_rows(records: Iterable[Record]) -> list[SummaryRow]:
    """Rows by data set, network, tier and method; ratios descend."""
    return sorted((summary_row(record) for record in records), key=_position)


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


def _position(row: SummaryRow) -> tuple[Any, ...]:
    place = (row.dataset, row.arch, row.tier, row.method, row.settings)
    return *place, -row.ratio, row.seed, row.identity


def _texts(row: SummaryRow) -> list[str]:
    measured = row.status == "done"
    texts = []
    for field in fields(row):
        value = getattr(row, field.name)
        determined = isinstance(value, str) or field.name in ("ratio", "seed")
        shown = measured or determined
        texts.append(format(value, _FORMATS.get(field.name, "")) if shown else "")
    return texts


def _settings(record: Record) -> str:
    config = record["config"]
    axes = {
        "scope": config["scope"],
        "order": record["order"],
        "allocator": _with_options(config["allocator"]["name"], config["allocator"]["options"]),
        "calibration": config["calibration"]["images"],
        **config["method"]["options"],
    }
    return " ".join(f"{name}={_value(value)}" for name, value in axes.items())


def _with_options(name: str, options: Mapping[str, Any]) -> str:
    pairs = ",".join(f"{key}={_value(value)}" for key, value in options.items())
    return f"{name}({pairs})" if pairs else name


def _value(value: Any) -> str:
    return "+".join(map(str, value)) if isinstance(value, list) else str(value)
