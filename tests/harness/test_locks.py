"""Locks: one process per identity, and none left behind by a process that died."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import locks
from experiments.locks import Busy, is_busy, lock
from tests.harness.cells import ROOT

HOLDER = """
import sys, time
from pathlib import Path
from experiments.locks import lock
with lock(Path(sys.argv[1]), "abc"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_held_lock_is_seen_and_waits_for_nobody_once_its_holder_is_killed(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == b"held\n"
        assert is_busy(tmp_path, "abc")
        assert not is_busy(tmp_path, "another")
        with pytest.raises(Busy), lock(tmp_path, "abc", wait=False):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with lock(tmp_path, "abc"):
            assert is_busy(tmp_path, "abc")
    assert not is_busy(tmp_path, "abc")


def test_a_file_that_was_left_behind_blocks_nothing(tmp_path: Path) -> None:
    (tmp_path / "locks").mkdir()
    (tmp_path / "locks" / "abc").write_text("12345")
    assert not is_busy(tmp_path, "abc")


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.EOPNOTSUPP, None])
def test_where_there_are_no_locks_work_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int | None
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, "no locks here")

    if code is None:
        monkeypatch.setattr(locks, "fcntl", None)
    else:
        monkeypatch.setattr(fcntl, "flock", refuse)
    entered = False
    with lock(tmp_path, "abc", wait=False), lock(tmp_path, "abc", wait=False):
        entered = True
    assert entered
