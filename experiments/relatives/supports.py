"""Bytes of a sparse gradient and of a pruned network, positions coded by Bloom filters or gaps.

ResNet-20, published weights: its gradient on the first 128 training images in training mode, and
its weights; convolutions and the last layer as one vector, the largest magnitudes kept. A message
is positions and float32 values; under P0 the filter's false positives send a value too, so that
every code here is lossless on what is kept.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from experiments.bench import Bench, open_bench
from experiments.data import normalise
from experiments.networks import obstacle
from experiments.relatives.networks import suite_cell
from experiments.relatives.rows import TRACK
from experiments.report.csv_rows import write_rows
from experiments.settings import Machine
from tropnnc.indexcodec import encode
from tropnnc.indexcodec.bloom import BloomFilter
from tropnnc.unit import Array, IntArray

NAME, NETWORK = "supports", ("resnet20", 0)
IMAGES, SHARES, VALUE = 128, (0.01, 0.1), 4
RATES = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02)
CODES = ("raw32", "packed", "bitmap", "gamma", "delta", "rice", "range")


@dataclass(frozen=True)
class SupportRow:
    """One way to send one set of values.

    Attributes:
        vector: ``gradient`` or ``weights``; ``length`` of it.
        share: kept.
        code: of the positions; ``rate`` of a Bloom filter's false positives.
        positions: bytes of the code; ``message``: with the values.
    """

    vector: str
    length: int
    share: float
    kept: int
    code: str
    rate: float
    positions: int
    message: int


def unavailable(machine: Machine) -> str | None:
    """Why there is nothing to measure: published weights that are not at hand."""
    return obstacle(suite_cell(*NETWORK), machine)


def measure_supports(machine: Machine) -> Path:
    """Write the CSV of all codes.

    Raises:
        TropnncError: data or weights that are not accepted.
    """
    bench = open_bench(suite_cell(*NETWORK), machine)
    vectors = {"gradient": _gradient(bench), "weights": _flat(bench.model, "data")}
    path = TRACK.summary_path(machine.results_dir, NAME)
    rows = (row for name, vector in vectors.items() for row in support_rows(name, vector))
    write_rows(path, SupportRow, map(astuple, rows))
    return path


def support_rows(name: str, vector: Array) -> Iterator[SupportRow]:
    """Every code of the largest magnitudes of ``vector``."""
    for share in SHARES:
        kept = round(share * len(vector))
        chosen = np.sort(np.argpartition(-np.abs(vector), kept)[:kept])
        head = (name, len(vector), share, kept)
        for code in CODES:
            size = len(encode(chosen, len(vector), code))
            yield SupportRow(*head, code, 0.0, size, size + VALUE * kept)
        for rate in RATES:
            size, members = _bloom(chosen, len(vector), rate)
            yield SupportRow(*head, "bloom p0", rate, size, size + VALUE * members)


def _bloom(chosen: IntArray, length: int, rate: float) -> tuple[int, int]:
    """Bytes of the filter, and how many positions answer yes."""
    bloom = BloomFilter.of(chosen, rate)
    return len(bloom.to_bytes()), len(bloom.members(length))


def _gradient(bench: Bench) -> Array:
    model = copy.deepcopy(bench.model).train()
    few = bench.dataset.train.take(torch.arange(IMAGES))
    loss = F.cross_entropy(model(normalise(few.images, bench.settings)), few.labels)
    loss.backward()
    return _flat(model, "grad")


def _flat(model: nn.Module, of: str) -> Array:
    layers = [m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    parts = [cast(torch.Tensor, getattr(layer.weight, of)).flatten() for layer in layers]
    return torch.cat(parts).double().numpy()
