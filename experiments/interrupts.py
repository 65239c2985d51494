"""Ctrl-C that Python drops: an exception in a callback from C or in a destructor goes nowhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interrupts:
    """The dropped ones."""

    def __init__(self) -> None:
        self._dropped = False

    def check(self) -> None:
        """Raise a KeyboardInterrupt that was dropped since the last time."""
        if self._dropped:
            self._dropped = False
            raise KeyboardInterrupt

    def note(self, exception: BaseException | None) -> bool:
        """Remember ``exception`` if it is one."""
        self._dropped |= isinstance(exception, KeyboardInterrupt)
        return isinstance(exception, KeyboardInterrupt)


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Notice what is dropped inside; nothing is printed of it."""
    noticed, before = Interrupts(), sys.unraisablehook

    def hook(unraisable: Any, /) -> None:
        if not noticed.note(unraisable.exc_value):
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield noticed
    finally:
        sys.unraisablehook = before
