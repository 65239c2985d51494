"""Bound against truth as a CSV: a row per cell and unit, and one per cell for the network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from experiments.manifest import experiment_records
from experiments.record import Record
from experiments.report.csv_rows import read_rows, write_rows

NETWORK = "network"


@dataclass(frozen=True)
class BoundRow:
    """One unit of one cell, or its whole network: then ``unit`` is ``network``.

    What the numbers are: :class:`experiments.geometry.units.Measured`; for the network the
    certificate, and the error of the logits. Numbers that do not exist are None.
    """

    dataset: str
    arch: str
    method: str
    needs: str
    ratio: float
    seed: int
    unit: str
    images: int
    radius: float
    bound: float
    largest_l2: float
    mean_l2: float
    outputs: int | None
    b1_lower: float | None
    b1_upper: float | None
    largest_l1: float | None
    mean_l1: float | None
    identity: str


def bound_rows(experiment: str, results: Path) -> list[BoundRow]:
    """The rows of ``experiment``: its CSV, renewed first where its cells are on disk."""
    path = results / "summary" / "bounds" / f"{experiment}.csv"
    records = experiment_records(results / "runs", experiment)
    if records is not None:
        rows = sorted(_rows(records), key=_position)
        write_rows(path, BoundRow, (list(_texts(row)) for row in rows))
    return read_rows(path, BoundRow)


def _rows(records: Iterable[Record]) -> Iterator[BoundRow]:
    for record in records:
        section = record.get("geometry")
        if section is None:
            continue
        config = record["config"]
        cell: dict[str, Any] = {
            "dataset": config["dataset"]["name"],
            "arch": config["arch"]["name"],
            "method": config["method"]["name"],
            "needs": record["needs"],
            "ratio": config["ratio"],
            "seed": config["seed"],
            "images": section["images"],
            "identity": record["identity"],
        }
        absent = dict.fromkeys(("outputs", "b1_lower", "b1_upper", "largest_l1", "mean_l1"))
        yield BoundRow(**cell, unit=NETWORK, **section["network"], **absent)
        for unit in section["units"]:
            yield BoundRow(**cell, **unit)


def _position(row: BoundRow) -> tuple[Any, ...]:
    return row.dataset, row.arch, row.unit, row.needs, row.method, -row.ratio, row.seed


def _texts(row: BoundRow) -> Iterator[str]:
    kinds = {field.name: str(field.type) for field in fields(row)}
    for name, value in asdict(row).items():
        measured = kinds[name].startswith("float") and name != "ratio"
        yield "" if value is None else f"{value:.6g}" if measured else str(value)
