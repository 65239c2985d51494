"""Processes that train one network together: what they can do, and each one's part of a batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from torch import nn

from experiments.torchrun import size_started
from tropnnc.errors import TropnncError

Own = TypeVar("Own")


class Processes(Protocol):
    """Processes that do the same, each on its part."""

    @property
    def rank(self) -> int:
        """Of this one; 0 leads."""
        ...

    @property
    def size(self) -> int:
        """How many they are."""
        ...

    def broadcast(self, value: Any) -> Any:
        """What the first one calls this with."""
        ...

    def gather(self, value: Own) -> list[Own]:
        """What each calls this with, by rank."""
        ...

    def averaging(self, model: nn.Module) -> nn.Module:
        """``model`` whose gradients are the means over all processes after a backward pass."""
        ...

    def align(self, model: nn.Module) -> None:
        """Give ``model`` the buffers that it has in the first one."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What this one keeps for itself from step to step of a training."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over such a state."""
        ...


@dataclass(frozen=True)
class Alone:
    """The only process."""

    rank: int = 0
    size: int = 1

    def broadcast(self, value: Any) -> Any:
        """``value``."""
        return value

    def gather(self, value: Own) -> list[Own]:
        """``value`` alone."""
        return [value]

    def averaging(self, model: nn.Module) -> nn.Module:
        """``model``."""
        return model

    def align(self, model: nn.Module) -> None:
        """Nothing to do."""

    def state_dict(self) -> dict[str, Any]:
        """Nothing: its state is everybody's."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing."""


ALONE = Alone()


@dataclass(frozen=True)
class Part:
    """Images ``start`` to ``stop`` of a batch of ``whole``.

    ``weight``: of the mean loss over this part, so that the mean over the processes is the mean
    over the batch.
    """

    start: int
    stop: int
    whole: int
    weight: float = 1.0

    @property
    def slice(self) -> slice:
        """To index the batch with."""
        return slice(self.start, self.stop)


def parts(images: int, batch: int, processes: Processes) -> list[Part]:
    """This process's part of every batch of an epoch of ``images``, the last batch shorter."""
    starts = range(0, images, batch)
    return [_part(min(batch, images - start), processes.rank, processes.size) for start in starts]


def share(count: int, processes: Processes) -> slice:
    """This process's contiguous share of ``count`` things; shares differ by one at most."""
    rank, size = processes.rank, processes.size
    return slice(count * rank // size, count * (rank + 1) // size)


def _part(batch: int, rank: int, size: int) -> Part:
    """A batch of fewer than two images a process is not divided: all of them take all of it.

    Batch norm of a single image may not be defined where that of the batch is.
    """
    if batch < 2 * size:
        return Part(0, batch, batch)
    own = share(batch, Alone(rank, size))
    return Part(own.start, own.stop, batch, weight=(own.stop - own.start) * size / batch)


def check_size(processes: int) -> None:
    """Raise :class:`TropnncError` where torchrun has not started so many ``processes``."""
    started = size_started()
    if processes != started:
        begin = f"torchrun --nproc_per_node {processes}" if processes > 1 else "python"
        raise TropnncError(
            f"finetune.processes = {processes} is not accepted in {started} of them;"
            f" {begin} run.py … is, or finetune.processes={started}"
        )
