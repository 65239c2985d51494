"""Several processes of torchrun: the first leads, the others help when it calls them.

The first does everything that a single process does; it alone takes locks, reads and writes
results and prints. The others wait for a task, which all of them do together, until there is none
any more. Where one fails, all end: torchrun sees to the others.
"""

from __future__ import annotations

import os
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from experiments.console import FAILED
from experiments.processes import Processes
from experiments.torchrun import ProcessesFailed, rank_started

Own = TypeVar("Own")
Task = Callable[[Processes], object]
# The others wait while the first one compresses. Who is gone is noticed at once all the same:
# its connections are closed.
PATIENCE = timedelta(days=7)


@dataclass(frozen=True)
class Company:
    """All processes of torchrun."""

    rank: int = field(default_factory=dist.get_rank)
    size: int = field(default_factory=dist.get_world_size)

    def broadcast(self, value: Any) -> Any:
        """What the first one calls this with, pickled in between."""
        box = [value]
        dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
        return box[0]

    def gather(self, value: Own) -> list[Own]:
        """What each calls this with, by rank."""
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def averaging(self, model: nn.Module) -> nn.Module:
        """``model``, whose gradients become their means over all processes.

        Batch norms normalise by their own part of a batch; their running statistics are those of
        the first process.
        """
        return distributed(model)

    def align(self, model: nn.Module) -> None:
        """Give ``model`` the buffers that it has in the first process."""
        for buffer in model.buffers():
            dist.broadcast(buffer, src=0)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: they are in step."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing."""


def distributed(model: nn.Module) -> DistributedDataParallel:
    """``model`` in all processes."""
    # Kernels of one column or one channel have strides by chance: copied, to the same bits.
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
    return DistributedDataParallel(model)


def run_together(lead: Callable[[], object]) -> None:
    """Call ``lead`` in the first process and help in the others, until it returns.

    It leaves them behind when it raises: torchrun ends them as soon as this process has.
    """
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    dist.init_process_group(backend, timeout=PATIENCE)
    if rank_started() == 0:
        _lead(lead)
    else:
        _help()
    dist.destroy_process_group()


@contextmanager
def together(task: Task) -> Iterator[Company]:
    """Let the other processes do ``task`` while this one does the same in the block.

    Raises:
        ProcessesFailed: this process failed or lost another one; they are no longer in step.
    """
    try:
        company = Company()
        company.broadcast(task)
        yield company
    except Exception as error:
        traceback.print_exc()
        [reason, *_] = "".join(traceback.format_exception_only(error)).splitlines()
        message = f"{dist.get_world_size()} processes failed together: {reason}"
        raise ProcessesFailed(message) from error


def _lead(lead: Callable[[], object]) -> None:
    try:
        lead()
    except SystemExit as end:
        if end.code:
            raise
    Company().broadcast(None)


def _help() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the first one
    company = Company()
    while (task := _next_task(company)) is not None:
        task(company)


def _next_task(company: Company) -> Task | None:
    try:
        return company.broadcast(None)
    except RuntimeError:  # the first process has gone, and has said why
        raise SystemExit(FAILED) from None
