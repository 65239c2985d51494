"""Torch's own compressed exchanges, with the bytes that they send counted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import fp16_compress_hook
from torch.distributed.algorithms.ddp_comm_hooks.powerSGD_hook import (
    PowerSGDState,
    powerSGD_hook,
)

from experiments.communication.hook import Bucket

RANK = 2
DENSE_STEPS = 2  # the fewest that torch allows
_TENSORS = ("error_dict", "p_memory_dict", "q_memory_dict")
Averaged = torch.futures.Future[Tensor]


@dataclass(eq=False)
class HalfPrecision:
    """Gradients rounded to float16 and averaged in it."""

    def bind(self, names: Mapping[int, str]) -> None:
        """Nothing depends on the parameters."""

    def exchange(self, bucket: Bucket) -> tuple[Averaged, int]:
        """Average ``bucket`` over the processes; bytes sent."""
        group: Any = dist.group.WORLD
        return fp16_compress_hook(group, bucket), 2 * bucket.buffer().numel()

    def state_dict(self) -> dict[str, Any]:
        """Nothing."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing."""


@dataclass(eq=False)
class PowerSgd:
    """Low-rank factors of every matrix (Vogels et al. 2019), with error feedback.

    Torch keeps its state by bucket, and DDP rebuilds its buckets after the first step of every
    process's life: here all gradients of a step are one bucket, in the order of the parameters, so
    that the state outlives a restart. The buckets of DDP wait for the last of them.
    """

    state: PowerSGDState = field(
        default_factory=lambda: PowerSGDState(
            None, matrix_approximation_rank=RANK, start_powerSGD_iter=DENSE_STEPS
        )
    )
    places: dict[int, int] = field(default_factory=dict)
    gradients: dict[int, Tensor] = field(default_factory=dict)
    waiting: list[tuple[Averaged, Tensor]] = field(default_factory=list)

    def bind(self, names: Mapping[int, str]) -> None:
        """The parameters of the network by ``id``, in its order."""
        self.places = {own: place for place, own in enumerate(names)}

    def exchange(self, bucket: Bucket) -> tuple[Averaged, int]:
        """Average ``bucket`` over the processes as soon as it is the last one; bytes sent then."""
        for parameter, gradient in zip(bucket.parameters(), bucket.gradients(), strict=True):
            self.gradients[self.places[id(parameter)]] = gradient
        future: Averaged = torch.futures.Future()
        self.waiting.append((future, bucket.buffer()))
        sent = self._average() if bucket.is_last() else 0
        return future, sent

    def _average(self) -> int:
        gradients = [gradient for _, gradient in sorted(self.gradients.items())]
        whole = _Whole(torch.cat([g.reshape(-1) for g in gradients]), gradients)
        sent = self._power(whole)
        for gradient, averaged in zip(gradients, whole.gradients(), strict=True):
            gradient.copy_(averaged)
        for future, buffer in self.waiting:
            future.set_result(buffer)
        self.gradients.clear()
        self.waiting.clear()
        return sent

    def _power(self, whole: _Whole) -> int:
        """Average in place; bytes of the factors and of what has none."""
        dense = self.state.iter < self.state.start_powerSGD_iter
        before = self.state.total_numel_after_compression
        powerSGD_hook(self.state, cast("Bucket", whole)).wait()
        after = self.state.total_numel_after_compression
        return 4 * (len(whole.flat) if dense else after - before)

    def state_dict(self) -> dict[str, Any]:
        """What a later step depends on, in this process."""
        own = {name: getattr(self.state, name) for name in (*_TENSORS, "iter")}
        draws: Any = self.state.rng.get_state(legacy=False)
        keys = draws["state"]["key"].tolist()
        return {**own, "rng": {**draws, "state": {**draws["state"], "key": keys}}}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over such a state."""
        for name in (*_TENSORS, "iter"):
            setattr(self.state, name, state_dict[name])
        draws = state_dict["rng"]
        keys = np.array(draws["state"]["key"], dtype=np.uint32)
        self.state.rng.set_state({**draws, "state": {**draws["state"], "key": keys}})


@dataclass(frozen=True, eq=False)
class _Whole:
    """All gradients of a step, as much of a bucket as torch's hook looks at."""

    flat: Tensor
    like: list[Tensor]

    def buffer(self) -> Tensor:
        return self.flat

    def gradients(self) -> list[Tensor]:
        parts = self.flat.split([g.numel() for g in self.like])
        return [part.view(g.shape) for part, g in zip(parts, self.like, strict=True)]

    def index(self) -> int:
        return 0

    def is_last(self) -> bool:
        return True
