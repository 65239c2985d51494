"""The hook that torch's DDP calls with every bucket of gradients.

Annotations are not postponed here: torch compares the hook's with the types themselves.
"""

import time
from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor
from torch.distributed import (
    GradBucket,  # pyright: ignore[reportPrivateImportUsage]  (documented all the same)
)

from experiments.communication.traffic import Traffic

Bucket: TypeAlias = GradBucket


class Exchange(Protocol):
    """A way to average buckets of gradients over processes."""

    def bind(self, names: Mapping[int, str]) -> None:
        """Learn the names of the parameters, by ``id``, in the order of the network."""
        ...

    def exchange(self, bucket: Bucket) -> tuple[torch.futures.Future[Tensor], int]:
        """Begin to average ``bucket``; its averaged buffer to come, and the bytes sent for it."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """What a later step depends on, in this process."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over such a state."""
        ...


class Metered(Protocol):
    """What the hook is registered with."""

    exchange: Exchange
    traffic: Traffic


def communicate(
    state: Metered,
    bucket: Bucket,  # DDP passes it by this name
) -> torch.futures.Future[torch.Tensor]:
    """The averaged buffer of ``bucket``, and what it cost added to the traffic."""
    started, is_last = time.perf_counter(), bucket.is_last()
    future, count = state.exchange.exchange(bucket)
    state.traffic.sent(count)

    def end(done: torch.futures.Future[Tensor]) -> Tensor:
        averaged = done.value()
        state.traffic.received(started, is_last)
        return averaged

    return future.then(end)
