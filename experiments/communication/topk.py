"""DeepReduce's exchange: every process sends its largest entries and keeps what it did not send."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from experiments.communication.hook import Bucket
from experiments.communication.messages import Message
from tropnnc.indexcodec.values import Floats
from tropnnc.seeding import derive_seed

LENGTH_BYTES = 8


@dataclass(eq=False)
class TopK:
    """Largest entries of every tensor, with error feedback (the memory of GRACE, β = γ = 1).

    ``a = g + e`` is compressed, ``e ← a − decoded`` waits for the next step. Residuals belong to
    parameters: DDP rebuilds its buckets after the first step.

    Attributes:
        message: coder of a tensor.
        names: of the parameters, by ``id``.
        seed: of all draws, the same in every process.
        rank: of this process.
        size: number of processes.
        step: steps taken.
        residuals: what was not sent yet, by name; nothing where a tensor has not been seen.
    """

    message: Message
    seed: int
    rank: int
    size: int
    names: Mapping[int, str] = field(default_factory=dict)
    step: int = 0
    residuals: dict[str, Tensor] = field(default_factory=dict)

    def bind(self, names: Mapping[int, str]) -> None:
        """Learn the names of the parameters, by ``id``."""
        self.names = names

    def exchange(self, bucket: Bucket) -> tuple[torch.futures.Future[Tensor], int]:
        """Average ``bucket`` over the processes, in the order of their ranks; bytes sent.

        The exchange is over when this returns.
        """
        names = [self.names[id(parameter)] for parameter in bucket.parameters()]
        gradients = bucket.gradients()
        sizes = [gradient.numel() for gradient in gradients]
        sent, own = self._encoded(names, gradients)
        messages = gathered(sent, self.size)
        decoded = [
            own if rank == self.rank else self._decoded(message, names, sizes)
            for rank, message in enumerate(messages)
        ]
        for gradient, *parts in zip(gradients, *decoded, strict=True):
            mean = sum(parts[1:], parts[0]) / np.float32(self.size)
            gradient.copy_(torch.from_numpy(mean).view(gradient.shape))
        self.step += bucket.is_last()
        future: torch.futures.Future[Tensor] = torch.futures.Future()
        future.set_result(bucket.buffer())
        return future, len(sent) + LENGTH_BYTES

    def _encoded(
        self, names: Sequence[str], gradients: Sequence[Tensor]
    ) -> tuple[bytes, list[Floats]]:
        """The message of this process and its content; what it leaves out becomes the residuals."""
        parts, contents = [], []
        for name, gradient in zip(names, gradients, strict=True):
            values = gradient.detach().reshape(-1).cpu()
            if name in self.residuals:
                values = values + self.residuals[name]
            own = derive_seed(self.seed, self.step, name, self.rank)
            array = values.numpy()
            parts.append(self.message.write(array, self._shared(name), own))
            content, _ = self.message.read(parts[-1], 0, len(array), self._shared(name))
            self.residuals[name] = torch.from_numpy(array - content)
            contents.append(content)
        return b"".join(parts), contents

    def _decoded(
        self, message: bytes, names: Sequence[str], sizes: Sequence[int]
    ) -> Iterator[Floats]:
        start = 0
        for name, size in zip(names, sizes, strict=True):
            tensor, start = self.message.read(message, start, size, self._shared(name))
            yield tensor

    def _shared(self, name: str) -> int:
        """The seed of the draws that all processes make alike at this step."""
        return derive_seed(self.seed, self.step, name)

    def state_dict(self) -> dict[str, Any]:
        """What a later step depends on, in this process."""
        return {"step": self.step, "residuals": self.residuals}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over such a state."""
        self.step, self.residuals = state_dict["step"], state_dict["residuals"]


def gathered(message: bytes, size: int) -> list[bytes]:
    """The messages of all processes, by rank: their lengths first, then all of equal length."""
    lengths = [torch.zeros(1, dtype=torch.int64) for _ in range(size)]
    dist.all_gather(lengths, torch.tensor([len(message)]))
    longest = int(max(lengths))
    padded = torch.zeros(longest, dtype=torch.uint8)
    padded[: len(message)] = torch.frombuffer(bytearray(message), dtype=torch.uint8)
    received = [torch.empty(longest, dtype=torch.uint8) for _ in range(size)]
    dist.all_gather(received, padded)
    return [
        data[: int(length)].numpy().tobytes()
        for data, length in zip(received, lengths, strict=True)
    ]
