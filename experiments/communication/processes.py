"""Processes that compress the gradients that they send each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import nn

from experiments.communication.hook import Exchange, communicate
from experiments.communication.messages import Message
from experiments.communication.settings import Communication
from experiments.communication.topk import TopK
from experiments.communication.torch_hooks import HalfPrecision, PowerSgd
from experiments.communication.traffic import Traffic
from experiments.ddp import distributed
from experiments.processes import Processes
from tropnnc.seeding import derive_seed

Own = TypeVar("Own")


@dataclass(eq=False)
class Exchanging:
    """Those of a fine-tuning, which average gradients by ``exchange``.

    Its state belongs to each of them: residuals, and what was sent so far.
    """

    company: Processes
    exchange: Exchange
    traffic: Traffic = field(default_factory=Traffic)
    entries: int = 0

    @property
    def rank(self) -> int:
        """Of this one; 0 leads."""
        return self.company.rank

    @property
    def size(self) -> int:
        """How many they are."""
        return self.company.size

    def broadcast(self, value: Any) -> Any:
        """What the first one calls this with."""
        return self.company.broadcast(value)

    def gather(self, value: Own) -> list[Own]:
        """What each calls this with, by rank."""
        return self.company.gather(value)

    def align(self, model: nn.Module) -> None:
        """Give ``model`` the buffers that it has in the first one."""
        self.company.align(model)

    def averaging(self, model: nn.Module) -> nn.Module:
        """``model`` whose gradients are averaged by the exchange."""
        named = {name: value for name, value in model.named_parameters() if value.requires_grad}
        self.entries = sum(value.numel() for value in named.values())
        self.exchange.bind({id(value): name for name, value in named.items()})
        network = distributed(model)
        network.register_comm_hook(self, communicate)
        return network

    def state_dict(self) -> dict[str, Any]:
        """What this process keeps for itself from step to step."""
        return {"exchange": self.exchange.state_dict(), "traffic": self.traffic.state_dict()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over such a state."""
        self.exchange.load_state_dict(state_dict["exchange"])
        self.traffic.load_state_dict(state_dict["traffic"])

    def section(self) -> dict[str, Any]:
        """What a record says: mean bytes that a process sends in a step, and seconds apart."""
        sent = self.gather(self.traffic.bytes)
        steps = self.traffic.steps
        mean = sum(sent) / (len(sent) * max(steps, 1))
        section = {
            "bytes_per_step": round(mean, 1),
            "dense_bytes_per_step": 4 * self.entries,
            "steps": steps,
        }
        return {"communication": section, "timing": self.traffic.seconds}


def exchanging(processes: Processes, settings: Communication, seed: int) -> Exchanging:
    """The same ``processes``, for one training: what they send is compressed by ``settings``."""
    seed = derive_seed(seed, "communication")
    if settings.codec == "fp16":
        return Exchanging(processes, HalfPrecision())
    if settings.codec == "powersgd":
        return Exchanging(processes, PowerSgd())
    message = Message.of(settings)
    return Exchanging(processes, TopK(message, seed, processes.rank, processes.size))
