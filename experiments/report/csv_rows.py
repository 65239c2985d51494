"""Rows of a dataclass in a CSV: a column per field, one header."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic

Row = TypeVar("Row")
_READERS: dict[str, Callable[[str], Any]] = {
    "str": str,
    "int": lambda text: int(text or 0),
    "float": lambda text: float(text or 0),
    "int | None": lambda text: int(text) if text else None,
    "float | None": lambda text: float(text) if text else None,
}


def write_rows(path: Path, kind: type, lines: Iterable[Iterable[object]]) -> None:
    """Write ``lines``, the values of rows of ``kind`` in the order of its fields."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(_columns(kind))
    writer.writerows(lines)
    write_atomic(path, buffer.getvalue().encode())


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """The rows of ``kind`` in a CSV; an empty number is 0, or None where the field allows it.

    Columns of fields with a default came later, one by one: files without the last of them are
    read as well.

    Raises:
        TropnncError: not readable, other columns, or an entry that is not accepted, with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TropnncError(f"{path}: not a readable CSV ({error})") from error
    reader = csv.DictReader(io.StringIO(text), strict=True)
    given = list(reader.fieldnames or ())
    if given != _columns(kind)[: max(len(given), len(_first_columns(kind)))]:
        raise TropnncError(f"{path}: accepted are the columns {', '.join(_columns(kind))}")
    try:
        return [_row(line, kind) for line in reader]
    except (csv.Error, ValueError) as error:
        raise TropnncError(f"{path}, line {reader.line_num}: {error}") from error


def _columns(kind: Any) -> list[str]:
    return [field.name for field in fields(kind)]


def _first_columns(kind: Any) -> list[str]:
    return [field.name for field in fields(kind) if field.default is MISSING]


def _row(line: Mapping[Any, Any], kind: Any) -> Any:
    if None in line or None in line.values():
        raise ValueError("it has another number of entries than the header")
    known = [field for field in fields(kind) if field.name in line]
    return kind(**{field.name: _READERS[str(field.type)](line[field.name]) for field in known})
