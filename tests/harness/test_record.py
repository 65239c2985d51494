"""Records: whole or absent; what is damaged is named, set aside and counts as missing."""

import errno
import json
import os
from pathlib import Path

import pytest

from experiments.record import read_attempt, read_record, read_records, record_path, write_record
from experiments.seal import seal

RECORD = {"identity": "abc", "status": "done", "value": 1.5, "name": "µ", "nothing": float("nan")}


def test_round_trip(tmp_path: Path) -> None:
    written = write_record(tmp_path, RECORD)
    assert repr(read_record(tmp_path, "abc")) == repr(written)
    assert repr(list(read_records(tmp_path))) == repr([written])
    assert {key: written[key] for key in RECORD} == RECORD


def test_a_crash_while_writing_leaves_the_old_record_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = write_record(tmp_path, RECORD)

    def crash(*_: object) -> None:
        raise OSError(errno.ENOSPC, "disk full")

    for call in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, call, crash)
            with pytest.raises(OSError, match="disk full") as caught:
                write_record(tmp_path, {**RECORD, "value": 2})
            assert caught.value.filename == str(record_path(tmp_path, "abc"))
    assert repr(read_record(tmp_path, "abc")) == repr(old)
    assert [path.name for path in record_path(tmp_path, "abc").parent.iterdir()] == ["abc.json"]


def test_a_failure_is_kept_but_never_cached(tmp_path: Path) -> None:
    failed = write_record(tmp_path, {"identity": "abc", "status": "failed"})
    assert read_record(tmp_path, "abc") is None
    assert read_attempt(tmp_path, "abc") == failed


def edited() -> str:
    return json.dumps({**seal({"identity": "abc", "status": "done", "value": 1.5}), "value": 1.6})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "truncated"),
        (json.dumps(seal({"identity": "abc", "status": "done"}))[:-20], "truncated"),
        ("[]", "truncated"),
        ("\udcff", "truncated"),
        (edited(), "edited"),
        (json.dumps({"identity": "abc", "status": "done"}), "edited"),
        (json.dumps(seal({"identity": "other", "status": "done"})), "another cell"),
    ],
)
def test_a_damaged_record_is_named_and_set_aside(
    tmp_path: Path, text: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = record_path(tmp_path, "abc")
    path.parent.mkdir()
    for number in (1, 2):
        path.write_text(text, errors="surrogateescape")
        assert read_record(tmp_path, "abc") is None
        aside = tmp_path / "damaged" / f"abc.json.{number}"
        assert aside.read_text(errors="surrogateescape") == text
        assert not path.exists()
        said = capsys.readouterr().out
        assert said.count("\n") == 1
        assert str(path) in said
        assert reason in said
        assert str(aside) in said


def test_the_checksum_does_not_depend_on_the_order_of_keys(tmp_path: Path) -> None:
    path = record_path(tmp_path, "abc")
    written = write_record(tmp_path, RECORD)
    path.write_text(json.dumps(dict(reversed(written.items())), indent=3))
    assert read_record(tmp_path, "abc") is not None
