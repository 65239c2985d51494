"""Peak resident memory of a block of work."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

_PROCESS = Path("/proc/self")
_RESET_PEAK = "5"  # proc(5), clear_refs


def reset_peak() -> None:
    """Let the peak begin anew from what is resident now, where the system can (Linux)."""
    with suppress(OSError):
        (_PROCESS / "clear_refs").write_text(_RESET_PEAK)


def peak_rss() -> int | None:
    """Most bytes that this process had resident since :func:`reset_peak`; None where unknown.

    Where the peak cannot be reset (macOS, some containers) it is that of the whole process, so it
    only grows from cell to cell.
    """
    with suppress(OSError):
        for line in (_PROCESS / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return 1024 * int(line.split()[1])
    if resource is None:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
