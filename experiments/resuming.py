"""A training in progress on disk: killed, it goes on from its last epoch to the same bytes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from experiments.console import say
from experiments.damage import set_aside
from experiments.processes import ALONE, Processes
from tropnnc.checked_state import read_state, write_state
from tropnnc.errors import TropnncError

# What is trained anew sooner than anybody could kill it is not worth a file.
SECONDS = 5.0
FORMAT = 1


class Stateful(Protocol):
    """What torch's modules, optimisers and schedules have."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that a later step depends on."""
        ...

    def load_state_dict(self, state_dict: dict[str, Any], /) -> Any:
        """Take over such a state."""
        ...


class Snapshot:
    """The state after the last whole epoch, in one file that is named by the training.

    Of several processes the first one alone touches the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = 0.0
        self._started = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Time taken by the training so far; what a kill destroyed does not count."""
        return self._before + time.perf_counter() - self._started

    def save(
        self,
        epochs: int,
        parts: Mapping[str, Stateful],
        order: torch.Generator,
        processes: Processes = ALONE,
    ) -> None:
        """Write the state after ``epochs``, whole or not at all."""
        random, *others = processes.gather(_random_states())
        own = processes.gather(processes.state_dict())
        if processes.rank > 0 or self.seconds < SECONDS:
            return
        state = {
            "versions": _versions(),
            "epochs": epochs,
            "seconds": self.seconds,
            "parts": {name: part.state_dict() for name, part in parts.items()},
            "order": order.get_state(),
            "random": random,
            "random_of_others": others,
            **({"own": own} if any(own) else {}),
        }
        write_state(self._path, state)

    def restore(
        self,
        parts: Mapping[str, Stateful],
        order: torch.Generator,
        processes: Processes = ALONE,
    ) -> int:
        """Take over the state in the file; return how many epochs it has seen.

        Without a file, or where it is damaged or of another torch and set aside, that is 0.
        """
        leads = processes.rank == 0
        state = processes.broadcast(self._read() if leads else None)
        if state is None:
            return 0
        for name, part in parts.items():
            part.load_state_dict(state["parts"][name])
        order.set_state(state["order"])
        _set_random_states(
            state["random"] if leads else state["random_of_others"][processes.rank - 1]
        )
        if "own" in state:
            processes.load_state_dict(state["own"][processes.rank])
        self._before = state["seconds"]
        if leads:
            say(f"{self._path}: goes on after epoch {state['epochs']}")
        return state["epochs"]

    def discard(self) -> None:
        """Remove the file: the training is over, its result is stored."""
        self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any] | None:
        try:
            state = read_state(self._path)
        except TropnncError:
            self._set_aside("its content and its sha256 differ")
            return None
        if state is None:
            return None
        if state["versions"] != _versions():
            self._set_aside(f"written by {state['versions']}, this is {_versions()}")
            return None
        return state

    def _set_aside(self, reason: str) -> None:
        set_aside(self._path, self._path.parent / "damaged", reason)


def _versions() -> dict[str, Any]:
    return {"format": FORMAT, "torch": str(torch.__version__)}


def _random_states() -> dict[str, Tensor]:
    """States of torch's own generators: dropout draws from them."""
    states = {"cpu": torch.get_rng_state()}
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if accelerator is not None:
        states[accelerator.type] = torch.get_device_module(accelerator).get_rng_state()
    return states


def _set_random_states(states: Mapping[str, Tensor]) -> None:
    torch.set_rng_state(states["cpu"])
    for name in states.keys() - {"cpu"}:
        torch.get_device_module(name).set_rng_state(states[name])
