"""How far ``synthetic_ls`` is ahead of every other method, dense network by dense network.

The bit per test image is in the records alone, so that the differences are committed as a summary
of their own: ``results/summary/paired/EXPERIMENT_rivals.csv``, renewed where the cells are on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np

from experiments.evaluation import unpack_bits
from experiments.frontier.bootstrap import Bits, Resampled, difference
from experiments.frontier.reading import OURS, RECALIBRATED
from experiments.manifest import experiment_records
from experiments.record import Record
from experiments.report.csv_rows import read_rows, write_rows
from experiments.report.rows import summary_rows
from experiments.report.statistics import grouped
from experiments.report.summary import SummaryRow
from experiments.report.variants import variants
from tropnnc.seeding import derive_rng

CHAMPION = "synthetic_ls"
_FORMATS = {float: ".4f"}


@dataclass(frozen=True)
class RivalRow:
    """``synthetic_ls`` against one method on one dense network at one keep ratio.

    ``difference``, ``error``, ``low`` and ``high``: see :class:`experiments.frontier.bootstrap.
    Difference`, in points. ``seeds`` and ``ours_seeds``: method seeds of either.
    """

    dataset: str
    arch: str
    checkpoint: str
    ratio: float
    rival: str
    images: int
    ours_seeds: int
    seeds: int
    difference: float
    error: float
    low: float
    high: float


def rival_rows(experiment: str, results: Path) -> list[RivalRow]:
    """Those of ``experiment``: from its records where they are on disk, else as committed."""
    path = results / "summary" / "paired" / f"{experiment}_rivals.csv"
    records = experiment_records(results / "runs", experiment)
    if records is not None:
        write_rows(path, RivalRow, map(_texts, measured(records)))
    return read_rows(path, RivalRow) if path.exists() else []


def measured(records: Iterable[Record]) -> list[RivalRow]:
    """By network, falling ratio and rival; cells of no other experiment take part."""
    by_identity = {r["identity"]: r for r in records if r["status"] == "done"}
    rows = summary_rows(by_identity.values())
    names = variants(rows)
    found = []
    for (dataset, arch, checkpoint), own in grouped(rows, _network).items():
        resampled = Resampled(own[0].total, derive_rng(0, "paired bootstrap", checkpoint))
        for ratio in sorted({row.ratio for row in own}, reverse=True):
            bits = _bits([row for row in own if row.ratio == ratio], names, by_identity)
            ours = next((bits[name] for name in bits if _is_champion(name)), None)
            if ours is None:
                continue
            for name, theirs in bits.items():
                if name.partition(" ")[0] not in OURS:
                    counts = (theirs.shape[1], len(ours), len(theirs))
                    measures = astuple(difference(ours, theirs, resampled))
                    place = (dataset, arch, checkpoint, ratio, name)
                    found.append(RivalRow(*place, *counts, *measures))
    return found


def _network(row: SummaryRow) -> tuple[str, str, str]:
    return row.dataset, row.arch, row.checkpoint


def _is_champion(name: str) -> bool:
    return name.partition(" ")[0] == CHAMPION and not name.endswith(RECALIBRATED)


def _bits(
    rows: Sequence[SummaryRow], names: Mapping[str, str], records: Mapping[str, Record]
) -> dict[str, Bits]:
    """Bits ``[seeds, images]`` by method, and by method re-calibrated."""
    found: dict[str, list[Bits]] = {}
    for row in rows:
        record, name = records[row.identity], names[row.identity]
        found.setdefault(name, []).append(unpack_bits(record["compressed"]))
        if "recalibrated" in record:
            again = unpack_bits(record["recalibrated"]["compressed"])
            found.setdefault(f"{name}{RECALIBRATED}", []).append(again)
    return {name: np.stack(bits) for name, bits in sorted(found.items())}


def _texts(row: RivalRow) -> list[str]:
    return [format(value, _FORMATS.get(type(value), "")) for value in astuple(row)]
