"""One process at a time per identity, by locks that die with their holder."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

try:
    import fcntl
except ImportError:  # Windows: two processes may do a cell twice, and still lose nothing
    fcntl = None

_UNSUPPORTED = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # some network file systems


class Busy(Exception):
    """Another process is at it."""


@contextmanager
def lock(runs_dir: Path, identity: str, wait: bool = True) -> Iterator[None]:
    """Hold the lock of ``identity``.

    The file that stays behind blocks nothing: the kernel releases the lock with its process.

    Raises:
        Busy: another process holds it, and ``wait`` is False.
    """
    path = runs_dir / "locks" / identity
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        _acquire(file, wait)
        yield


def is_busy(runs_dir: Path, identity: str) -> bool:
    """Whether another process holds the lock of ``identity`` now."""
    try:
        with lock(runs_dir, identity, wait=False):
            return False
    except Busy:
        return True


def _acquire(file: IO[str], wait: bool) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError as error:
        raise Busy from error
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
