"""A sweep that is killed, interrupted, or run twice at once loses nothing and repeats nothing."""

import re
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.sweeps import (
    CELLS,
    NETWORKS,
    checkpoints,
    finish,
    leftovers,
    records,
    report,
    start,
    wait_for_records,
)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    results = tmp_path_factory.mktemp("uninterrupted")
    assert f"{CELLS} cells: {CELLS} computed" in finish(start(results))
    return results


def test_killed_in_the_middle_only_what_is_missing_runs(
    tmp_path: Path, uninterrupted: Path
) -> None:
    process = start(tmp_path)
    wait_for_records(tmp_path, 5)
    process.kill()
    process.communicate()
    before = records(tmp_path)
    assert 5 <= len(before) < CELLS
    said = finish(start(tmp_path))
    assert f"{CELLS - len(before)} computed, {len(before)} found on disk; {CELLS} done" in said
    assert before.items() <= records(tmp_path).items()
    assert report(tmp_path) == report(uninterrupted)


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is, also where a script runs the tests in its background: children inherit that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_ctrl_c_says_what_is_done_and_how_to_go_on(tmp_path: Path) -> None:
    process = start(tmp_path)
    wait_for_records(tmp_path, 5)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130
    assert err.count("\n") == 1
    said = re.search(r"(\d+) of 24 cells are done; the same command goes on where it stopped", err)
    assert said is not None
    # The signal may fall between a record and its being counted.
    assert 0 <= len(records(tmp_path)) - int(said[1]) <= 1
    assert not leftovers(tmp_path)


def test_two_at_once_share_the_work(tmp_path: Path, uninterrupted: Path) -> None:
    processes = [start(tmp_path), start(tmp_path)]
    seen: defaultdict[str, set[int]] = defaultdict(set)
    while any(process.poll() is None for process in processes):
        for name, inode in {**records(tmp_path), **checkpoints(tmp_path)}.items():
            seen[name].add(inode)
        time.sleep(0.002)
    computed = [re.search(r"(\d+) computed, .* 24 done", finish(p)) for p in processes]
    assert sum(int(match[1]) for match in computed if match) == CELLS
    assert len(seen) == CELLS + 2 * NETWORKS
    assert {len(inodes) for inodes in seen.values()} == {1}
    assert report(tmp_path) == report(uninterrupted)
