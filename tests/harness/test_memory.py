"""Peak memory: of one block of work, not of everything before it."""

from pathlib import Path

import pytest

from experiments import memory
from experiments.memory import peak_rss, reset_peak

MEBIBYTE = 2**20


def touch(mebibytes: int) -> None:
    """Allocate so much, write to every page, give it back."""
    block = bytearray(mebibytes * MEBIBYTE)
    block[::4096] = b"x" * len(block[::4096])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux alone resets it")
def test_the_peak_is_that_of_the_block_and_begins_anew() -> None:
    peaks = []
    for mebibytes in (0, 256, 64):
        reset_peak()
        touch(mebibytes)
        peak = peak_rss()
        assert peak is not None
        peaks.append(peak / MEBIBYTE)
    before, large, small = peaks
    assert 240 < large - before < 300
    assert 48 < small - before < 120


def test_without_proc_the_high_water_mark_of_the_process_is_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    exact = peak_rss()
    monkeypatch.setattr(memory, "_PROCESS", tmp_path / "no_such")
    reset_peak()
    mark = peak_rss()
    assert exact is not None
    assert mark is not None
    assert 0.5 * exact < mark < 100 * exact  # bytes, not kibibytes


def test_a_system_that_tells_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_PROCESS", tmp_path / "no_such")
    monkeypatch.setattr(memory, "resource", None)
    assert peak_rss() is None
