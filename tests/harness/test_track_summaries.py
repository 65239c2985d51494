"""Summaries of a track: which there are, and what is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from experiments.report.csv_rows import write_rows
from experiments.track.summaries import Track
from tropnnc import TropnncError

TRACK = Track("relatives")
NAMES = ("one", "two", "three", "one_quick")


@dataclass(frozen=True)
class Row:
    """Of a summary."""

    number: int


def test_rows_come_back_and_none_are_refused(tmp_path: Path) -> None:
    path = TRACK.summary_path(tmp_path, "one")
    with pytest.raises(TropnncError, match=r"^no .*one\.csv; run it first: .*relatives run one$"):
        TRACK.read_summary(tmp_path, "one", Row)
    write_rows(path, Row, [(1,), (2,)])
    assert TRACK.read_summary(tmp_path, "one", Row) == [Row(1), Row(2)]
    write_rows(path, Row, [])
    with pytest.raises(TropnncError, match=r"one\.csv has no rows; run it again: python -m"):
        TRACK.read_summary(tmp_path, "one", Row)


def test_known_are_those_with_a_summary_or_all_cells(tmp_path: Path) -> None:
    for name in ("one", "one_quick", "other"):
        write_rows(TRACK.summary_path(tmp_path, name), Row, [(1,)])
    complete = tmp_path / "runs" / "relatives" / "experiments"
    complete.mkdir(parents=True)
    (complete / "three.json").touch()
    assert TRACK.known(tmp_path, NAMES, "") == ["one", "three"]
    assert TRACK.known(tmp_path, NAMES, "_quick") == ["one_quick"]
    assert TRACK.records(tmp_path, "two") is None
