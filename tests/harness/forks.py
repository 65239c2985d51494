"""Two processes that torch.distributed joins, forked from this one: no torch to import again."""

from __future__ import annotations

import importlib
import multiprocessing
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch.distributed as dist

from experiments.ddp import Company
from experiments.resuming import Snapshot

SIZE = 2


def in_two(folder: Path, work: Callable[[Company], Any], size: int = SIZE) -> list[Any]:
    """What ``work`` returns in each, by rank; the text of its traceback where it raises."""
    importlib.import_module("torch._dynamo")  # DDP would, in every process
    fork = multiprocessing.get_context("fork")
    store = folder / "store"
    store.unlink(missing_ok=True)
    pipes = [fork.Pipe(duplex=False) for _ in range(size)]
    children = [
        fork.Process(target=_child, args=(rank, size, store, work, sender))
        for rank, (_, sender) in enumerate(pipes)
    ]
    for child, (_, sender) in zip(children, pipes, strict=True):
        child.start()
        sender.close()  # so that a child that dies is noticed
    results = [receiver.recv() for receiver, _ in pipes]
    for child in children:
        child.join()
    return results


def kill_two(folder: Path, work: Callable[[Company], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two processes do ``work``, a fine-tuning, until its second epoch is on disk."""
    save = Snapshot.save

    def killing(snapshot: Snapshot, epoch: int, *state: Any) -> None:
        save(snapshot, epoch, *state)
        assert epoch < 2, "killed"

    with monkeypatch.context() as context:
        context.setattr(Snapshot, "save", killing)
        for text in in_two(folder, work):
            assert "killed" in text


def _child(
    rank: int, size: int, store: Path, work: Callable[[Company], Any], sender: Connection
) -> None:
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=size)
    try:
        sender.send(work(Company()))
    except BaseException:
        sender.send(traceback.format_exc())
