"""Records: whole or absent."""

import json
import os
from pathlib import Path

import pytest

from experiments.record import read_record, record_path, write_record

RECORD = {"identity": "abc", "status": "done", "value": 1.5}


def test_round_trip(tmp_path: Path) -> None:
    write_record(tmp_path, RECORD)
    assert read_record(tmp_path, "abc") == RECORD


def test_a_crash_while_writing_leaves_the_old_record_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_record(tmp_path, RECORD)

    def crash(*_: object) -> None:
        raise OSError("disk full")

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, crash)
            with pytest.raises(OSError, match="disk full"):
                write_record(tmp_path, {**RECORD, "value": 2})
    assert read_record(tmp_path, "abc") == RECORD
    assert [path.name for path in record_path(tmp_path, "abc").parent.iterdir()] == ["abc.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"identity": "abc", "sta',
        "[]",
        json.dumps({"identity": "abc", "status": "failed"}),
        json.dumps({"identity": "other", "status": "done"}),
    ],
)
def test_what_is_torn_failed_or_anothers_counts_as_missing(tmp_path: Path, text: str) -> None:
    path = record_path(tmp_path, "abc")
    path.parent.mkdir()
    path.write_text(text)
    assert read_record(tmp_path, "abc") is None
