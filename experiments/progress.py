"""Cells left and the time they will take: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from tqdm import tqdm

from experiments.cell import Outcome
from experiments.console import say
from experiments.estimates import Timings, about
from experiments.networks import is_trained, one_per_network
from experiments.settings import CellSettings, Machine

BAR_SECONDS, LINE_SECONDS = 1.0, 10.0


class Progress:
    """How far a sweep is."""

    def __init__(self, cells: Sequence[CellSettings], machine: Machine, at_a_time: int = 1) -> None:
        """Of ``cells``, so many at a time."""
        self._machine = machine
        self._at_a_time = at_a_time
        self._left = Counter(cells)
        self._bar = tqdm(total=len(cells), unit="cell", disable=None)
        self._timings: Timings | None = None
        self._next = 0.0

    def begin(self, cell: CellSettings) -> None:
        """Name the cell that is at work."""
        self._bar.set_description(cell.label)

    def end(self, outcome: Outcome) -> None:
        """Count the cell, and say now and then how long the others will take."""
        self._left[outcome.cell] -= 1
        self._bar.update()
        if not outcome.computed:
            return
        if self._timings is None:
            self._timings = Timings(self._machine.runs_dir)
        elif outcome.record is not None:
            self._timings.add(outcome.record)
        if time.monotonic() >= self._next:
            self._say(outcome, self._timings)

    def close(self) -> None:
        """Leave the terminal as it is."""
        self._bar.close()

    def _say(self, outcome: Outcome, timings: Timings) -> None:
        left = list(self._left.elements())
        networks = [c for c in one_per_network(left) if not is_trained(c, self._machine)]
        time_left = about(timings.total(left, networks) / self._at_a_time)
        if self._bar.disable:
            say(f"{outcome.cell.label}: {outcome.status}; {len(left)} cells left, {time_left}")
        else:
            self._bar.set_postfix_str(f"{time_left} left")
        self._next = time.monotonic() + (LINE_SECONDS if self._bar.disable else BAR_SECONDS)
