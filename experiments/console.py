"""What a user reads on the terminal, and the exit codes. Imports no torch."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeGuard

from hydra.errors import HydraException, MissingConfigException
from omegaconf.errors import OmegaConfBaseException

from experiments.torchrun import ProcessesFailed

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
GO_ON = "the same command goes on where it stopped"
BEGIN_AGAIN = "the same command begins again"
_UNWRITABLE = (
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM,
)  # fmt: skip
FULL_ERRORS = os.environ.get("HYDRA_FULL_ERROR") == "1"


class CellsFailed(RuntimeError):
    """At least one cell failed, or differs from what it should be; all is said already."""


def say(line: str = "") -> None:
    """One line on standard output, at once."""
    print(line, flush=True)


@contextmanager
def short_errors(program: str = "run.py", advice: str = GO_ON) -> Iterator[None]:
    """Turn expected errors of a command line into one line and an exit code.

    1 after failed cells, where a file cannot be written or a process was lost, 2 on bad input, 130
    on Ctrl-C. With ``HYDRA_FULL_ERROR=1`` in the environment they keep their traceback.

    Args:
        program: begins the line.
        advice: what a reader may do after Ctrl-C or on a full disk.
    """
    try:
        yield
    except CellsFailed:
        raise SystemExit(FAILED) from None
    except KeyboardInterrupt as interrupt:
        _complain(program, f"interrupted: {str(interrupt) or 'nothing is half-written'}; {advice}")
        raise SystemExit(INTERRUPTED) from None
    except BrokenPipeError:  # head has read enough; nor can Python flush what is left at its exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(FAILED) from None
    except Exception as error:
        code = None if FULL_ERRORS else _exit_code(error)
        if code is None:
            raise
        _complain(program, _one_line(error, advice))
        raise SystemExit(code) from None


def _exit_code(error: Exception) -> int | None:
    """1 where it cannot go on, 2 on bad input, None where it is our own fault."""
    if _is_unwritable(error) or isinstance(error, ProcessesFailed):
        return FAILED
    return BAD_INPUT if _is_bad_input(error) else None


def _is_unwritable(error: Exception) -> TypeGuard[OSError]:
    return isinstance(error, OSError) and error.errno in _UNWRITABLE


def _is_bad_input(error: Exception) -> bool:
    if isinstance(error, HydraException | OmegaConfBaseException) or _from_hydra(error):
        return True
    from tropnnc.errors import TropnncError  # noqa: PLC0415  (imports torch)

    return isinstance(error, TropnncError)


def _from_hydra(error: Exception) -> bool:
    """Whether Hydra's own code raised it: some overrides it refuses with a bare ValueError."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_globals.get("__name__", "").startswith("hydra.")


def _one_line(error: Exception, advice: str) -> str:
    """The message without search paths, hints for Hydra's own developers and line breaks."""
    unwritable = _is_unwritable(error)
    if unwritable or isinstance(error, ProcessesFailed):
        said = f"{error.filename}: {error.strerror}" if unwritable else str(error)
        return "; ".join([said, *getattr(error, "__notes__", []), advice])
    if isinstance(error, MissingConfigException) and error.options:
        group, _, name = str(error.missing_cfg_file).rpartition("/")
        if group == "hydra/launcher" and name.startswith("submitit_"):
            return f"{group}={name} needs the extra `scale`: pip install -e '.[bench,scale]'"
        return f"unknown {group} {name!r}; accepted are {', '.join(error.options)}"
    text = str(error) or str(error.__cause__)
    if text.startswith("Could not override"):
        name = text.split("'")[1]
        # Hydra applies it to the default choice of each group first, even in a sweep.
        hint = f" (++{name}=... where only some of the methods swept over have it)"
        accepted = f"unknown option {name!r}; python run.py --cfg job lists those accepted"
        return accepted + (hint if name.startswith("method.") else "")
    if text.startswith("Ambiguous value"):
        return f"{text.splitlines()[0]}: a sweep needs -m, a list needs [brackets]"
    return " ".join(text.split())


def _complain(program: str, line: str) -> None:
    print(f"{program}: {line}", file=sys.stderr, flush=True)
