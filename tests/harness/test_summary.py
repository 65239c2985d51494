"""The committed CSV: a round trip, older columns, and what is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from experiments.report.render import to_text
from experiments.report.summary import read_summary, write_summary
from experiments.report.tables import blocks
from tests.harness.summaries import FIXTURES, ROWS, tuned
from tropnnc import TropnncError


def test_a_skipped_cell_has_a_row_without_numbers_and_no_place_in_the_table(
    tmp_path: Path,
) -> None:
    skipped = replace(ROWS[0], status="skipped", correct=0, total=0, identity="skipped")
    write_summary([*ROWS, skipped], tmp_path / "x.csv")
    assert ",skipped,,,,,,,,,,," in (tmp_path / "x.csv").read_text()
    assert to_text(blocks(read_summary(tmp_path / "x.csv"))) == to_text(blocks(ROWS))


def test_the_csv_survives_a_round_trip_byte_for_byte(tmp_path: Path) -> None:
    write_summary(ROWS, tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_bytes() == (FIXTURES / "tiny.csv").read_bytes()


def test_a_csv_from_before_memory_was_measured_is_read(tmp_path: Path) -> None:
    lines = (FIXTURES / "tiny.csv").read_text().splitlines()
    assert ROWS[0].peak_rss == 734003200
    before = [replace(row, peak_rss=None) for row in ROWS]
    for columns, expected in ((1, ROWS), (2, ROWS), (3, before)):
        texts = [x.rsplit(",", columns)[0] for x in lines]
        (tmp_path / "old.csv").write_text("\n".join([*texts, ""]))
        assert read_summary(tmp_path / "old.csv") == expected


def test_a_csv_with_other_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("dataset,method\nmnist5k,l1\n")
    with pytest.raises(TropnncError, match="accepted are the columns dataset, arch"):
        read_summary(tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",weights,", ",wishes,", "line 2: unknown needs 'wishes'; accepted are weights"),
        (",done,", ",odd,", "line 2: unknown status 'odd'; accepted are done, skipped"),
        (",done,1000,", ",done,many,", "line 2: invalid literal"),
        (",done,1000,", ",done,", "line 2: it has another number of entries"),
    ],
)
def test_an_edited_csv_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = (FIXTURES / "tiny.csv").read_text()
    assert old in text.splitlines()[1]
    (tmp_path / "x.csv").write_text(text.replace(old, new, 1))
    with pytest.raises(TropnncError, match=message):
        read_summary(tmp_path / "x.csv")


def test_a_curve_survives_the_csv(tmp_path: Path) -> None:
    rows = [tuned(row) for row in ROWS]
    write_summary(rows, tmp_path / "x.csv")
    assert read_summary(tmp_path / "x.csv") == rows
