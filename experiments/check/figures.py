"""Published figures, one CSV line each."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar, get_args

from experiments.check.figure import Figure, FineTuning, Metric, RatioDefinition
from tropnnc.errors import TropnncError

REQUIRED = (
    *("table", "row", "dataset", "network", "scope", "method", "ratio_definition", "ratio"),
    *("finetuning", "metric", "value", "plus_minus"),
)
OPTIONAL = ("source", "setting", "counted", "checkpoint", "sha256", "overrides", "explained")

DEFINITIONS: tuple[RatioDefinition, ...] = get_args(RatioDefinition)
FINETUNING: tuple[FineTuning, ...] = get_args(FineTuning)
METRICS: tuple[Metric, ...] = get_args(Metric)
Choice = TypeVar("Choice", bound=str)


def read_figures(path: Path) -> list[Figure]:
    """The figures of a CSV; lines without a value are not filled in yet and left out.

    Raises:
        TropnncError: file, column or entry that is not accepted, in one line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TropnncError(f"{path}: not a readable CSV ({error})") from error
    reader = csv.DictReader(io.StringIO(text), strict=True)
    _check_columns(path, reader.fieldnames or ())
    figures = []
    try:
        for line in reader:
            entries = _entries(line)
            if entries["value"]:
                figures.append(_figure(entries))
    except (TropnncError, csv.Error) as error:
        raise TropnncError(f"{path}, line {reader.line_num}: {error}") from error
    return figures


def _check_columns(path: Path, columns: object) -> None:
    given = list(columns) if isinstance(columns, list | tuple) else []
    missing = [name for name in REQUIRED if name not in given]
    unknown = [name for name in given if name not in REQUIRED + OPTIONAL]
    if missing or unknown:
        wrong = f"no column {missing[0]!r}" if missing else f"unknown column {unknown[0]!r}"
        raise TropnncError(
            f"{path}: {wrong}; accepted are {', '.join(REQUIRED)}, and of one's own"
            f" {', '.join(OPTIONAL)}"
        )


def _entries(line: Mapping[str | None, str | None]) -> dict[str, str]:
    if None in line or None in line.values():
        raise TropnncError("it has another number of entries than the header")
    return {str(key): (text or "").strip() for key, text in line.items()}


def _figure(entries: Mapping[str, str]) -> Figure:
    _number("value", entries["value"])
    definition = _one_of("ratio_definition", entries["ratio_definition"], DEFINITIONS)
    optional = {name: entries.get(name, "") for name in OPTIONAL if name != "overrides"}
    return Figure(
        table=entries["table"],
        row=entries["row"],
        dataset=entries["dataset"],
        network=entries["network"],
        scope=entries["scope"],
        method=entries["method"],
        ratio_definition=definition,
        ratio=1.0 if definition == "none" else _share(entries["ratio"]),
        finetuning=_one_of("finetuning", entries["finetuning"], FINETUNING),
        metric=_one_of("metric", entries["metric"], METRICS),
        printed=entries["value"],
        plus_minus=_number("plus_minus", entries["plus_minus"] or "0"),
        overrides=tuple(entries.get("overrides", "").split()),
        **optional,
    )


def _one_of(name: str, value: str, accepted: Sequence[Choice]) -> Choice:
    for choice in accepted:
        if choice == value:
            return choice
    raise TropnncError(f"unknown {name} {value!r}; accepted are {', '.join(accepted)}")


def _share(text: str) -> float:
    value = _number("ratio", text)
    if not 0 < value <= 1:
        raise TropnncError(f"ratio = {text} is not accepted; a share in (0, 1] is, 0.8 for 80 %")
    return value


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise TropnncError(f"{name} = {text!r} is not accepted; a number is") from None
