"""Median latencies of networks that take turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from experiments.architectures import build
from experiments.determinism import one_thread
from experiments.settings import ArchSettings
from tropnnc import compress
from tropnnc.graph import Site

BATCHES = (1, 128)
ROUNDS = 30
# Forward passes per turn: a single one of a small network is near the resolution of the clock.
REPEATS = {1: 20, 128: 2}
Widths = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class FixedWidths:
    """An allocator that gives the units the widths it was told."""

    wanted: Widths

    version = 1

    def prepare(self, sites: Sequence[Site], read: object) -> None:
        """Nothing to prepare."""

    def widths(self, state: None, ratio: float) -> Mapping[str, int]:
        """The width of every unit, whatever the ratio."""
        return dict(self.wanted)


def network_of_widths(arch: ArchSettings, widths: Widths, image: Tensor) -> nn.Module:
    """An untrained network of ``arch`` with the hidden ``widths``, in evaluation mode."""
    model = build(arch).eval()
    if not widths:
        return model
    scope = [name for name, _ in widths]
    return compress(model, image, "random", scope=scope, allocator=FixedWidths(widths))[0]


def median_seconds(models: Sequence[nn.Module], images: Tensor) -> list[float]:
    """Median seconds of one forward pass of ``images`` through each model, in turns."""
    repeats = REPEATS.get(len(images), 1)
    seconds: list[list[float]] = [[] for _ in models]
    with torch.inference_mode(), one_thread():
        for model in models:
            model(images)
        for _ in tqdm(range(ROUNDS), f"batch {len(images)}", leave=False, disable=None):
            for model, own in zip(models, seconds, strict=True):
                started = time.perf_counter()
                for _ in range(repeats):
                    model(images)
                own.append((time.perf_counter() - started) / repeats)
    return [statistics.median(own) for own in seconds]
