"""How far a training is: a bar on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import time

from tqdm import tqdm

from experiments.console import say
from experiments.estimates import about

LINE_SECONDS = 10.0


class TrainingProgress:
    """Counts images.

    Args:
        label: what is trained.
        epochs: at most so many.
        images: in one epoch.
        done: epochs of an earlier process.
        shown: otherwise nothing is said.
    """

    def __init__(self, label: str, epochs: int, images: int, done: int, shown: bool = True) -> None:
        self._label, self._epochs, self._done, self._shown = label, epochs, done, shown
        self._started = self._said = time.monotonic()
        self._bar = tqdm(
            desc=label,
            total=epochs * images,
            initial=done * images,
            unit="image",
            unit_scale=True,
            leave=False,
            disable=None if shown else True,
        )

    def step(self, images: int) -> None:
        """So many images more were seen."""
        self._bar.update(images)

    def end_epoch(self, epoch: int) -> None:
        """``epoch`` (from 1 on) is over."""
        now = time.monotonic()
        says = self._shown and self._bar.disable
        if says and epoch < self._epochs and now >= self._said + LINE_SECONDS:
            left = (now - self._started) / (epoch - self._done) * (self._epochs - epoch)
            say(f"{self._label}: epoch {epoch} of {self._epochs}, {about(left)} left")
            self._said = now

    def close(self) -> None:
        """Leave the terminal as it is."""
        self._bar.close()
