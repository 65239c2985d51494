"""What torchrun tells a process that it has started. Imports no torch."""

from __future__ import annotations

import os


class ProcessesFailed(RuntimeError):
    """One of several processes failed while they did something together: all are to end."""


def size_started() -> int:
    """How many processes torchrun has started; 1 without it."""
    return int(os.environ["WORLD_SIZE"]) if _by_torchrun() else 1


def rank_started() -> int:
    """The place of this one among them, from 0 on."""
    return int(os.environ["RANK"]) if _by_torchrun() else 0


def _by_torchrun() -> bool:
    """Other programs set ``RANK`` too, and mean something else by it."""
    return "TORCHELASTIC_RUN_ID" in os.environ
