"""A full disk: nothing half-written, one clear line, and the next run goes on."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.sweeps import checkpoints, finish, leftovers, records, start

WITH_LIMIT = """
import resource, runpy, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
sys.argv[0] = "run.py"
runpy.run_path("run.py", run_name="__main__")
"""


def starved(results: Path, limit: int) -> str:
    """What the sweep says on standard error where no file may be larger than ``limit`` bytes."""
    process = start(results, sys.executable, "-c", WITH_LIMIT, str(limit))
    _, err = process.communicate()
    assert process.returncode == 1
    return err


def test_a_network_that_does_not_fit(tmp_path: Path) -> None:
    err = starved(tmp_path, 10_000)
    pattern = r"run.py: .*checkpoints/.*: File too large; 0 of 24 cells are done; the same command"
    assert re.match(pattern, err)
    assert err.count("\n") == 1
    assert not records(tmp_path)
    assert not checkpoints(tmp_path)
    assert not leftovers(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for the networks and a few records."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=120k", "tmpfs", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system of its own: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.slow
def test_a_full_disk_and_then_a_larger_one(small_disk: Path) -> None:
    process = start(small_disk)
    _, err = process.communicate()
    assert process.returncode == 1
    assert re.match(r"run.py: .*: No space left on device; \d+ of 24 cells are done; the", err)
    assert err.count("\n") == 1
    before = records(small_disk)
    assert 0 < len(before) < 24
    assert not leftovers(small_disk)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    said = finish(start(small_disk))
    assert f"{24 - len(before)} computed, {len(before)} found on disk; 24 done" in said
    assert not os.path.exists(small_disk / "runs" / "damaged")
