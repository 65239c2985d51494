"""``python -m experiments.latency EXPERIMENT``: how long the networks of an experiment take.

The widths come from the records of the experiment. Each (network, widths) is timed once, whatever
methods share it: the weights do not matter. The networks take turns, so that whatever else the
machine does falls on all alike.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from experiments.check.composing import experiment_cells
from experiments.console import BAD_INPUT, say
from experiments.environment import environment
from experiments.identity import digest
from experiments.manifest import read_manifest
from experiments.record import read_record
from experiments.report.latency import LatencyRow, csv_path, write_latency, write_tables
from experiments.settings import ArchSettings
from experiments.timing import BATCHES, ROUNDS, Widths, median_seconds, network_of_widths
from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic

LATENCY_VERSION = 1
SHAPE = (1, 28, 28)


def measure_experiment(experiment: str, results: Path) -> list[LatencyRow]:
    """The rows of every network of ``experiment``, timed now or found in a latency record.

    Raises:
        TropnncError: the experiment has not been run here.
    """
    identities = read_manifest(results / "runs", experiment)
    if identities is None:
        raise TropnncError(f"no records of {experiment}; python run.py experiment={experiment}")
    records = [read_record(results / "runs", identity) for identity in identities]
    done = [record for record in records if record is not None and record["status"] == "done"]
    rows: list[LatencyRow] = []
    for key, arch in _architectures(experiment).items():
        found = {_widths(record) for record in done if digest(record["config"]["arch"]) == key}
        if found:
            rows += _of_network(arch, [(), *sorted(found, reverse=True)], results / "runs")
    return rows


def _architectures(experiment: str) -> dict[str, ArchSettings]:
    """Architectures by the hash of what a record says about them."""
    cells = experiment_cells(experiment)
    return {digest(cell.determinants()["arch"]): cell.arch for cell in cells}


def _widths(record: dict[str, Any]) -> Widths:
    return tuple((unit["name"], unit["kept"]) for unit in record["units"])


def _of_network(arch: ArchSettings, widths: Sequence[Widths], runs: Path) -> list[LatencyRow]:
    """Rows of the dense network (no widths) and of the compressed ones, read or measured."""
    parts = {
        "arch": {"name": arch.name, **dict(arch.options)},
        "widths": widths,
        "batches": BATCHES,
        "rounds": ROUNDS,
        "version": LATENCY_VERSION,
    }
    path = runs / "latency" / f"{digest(parts)}.json"
    if not path.exists():
        rows = [asdict(row) for row in _measured(arch, widths)]
        record = {**parts, "environment": environment(), "rows": rows}
        write_atomic(path, (json.dumps(record, indent=1) + "\n").encode())
    return [LatencyRow(**row) for row in json.loads(path.read_text())["rows"]]


def _measured(arch: ArchSettings, widths: Sequence[Widths]) -> list[LatencyRow]:
    models = [network_of_widths(arch, own, torch.zeros(1, *SHAPE)) for own in widths]
    images = torch.rand(max(BATCHES), *SHAPE, generator=torch.Generator().manual_seed(0))
    rows = []
    for batch in BATCHES:
        seconds = median_seconds(models, images[:batch])
        for own, model, median in zip(widths, models, seconds, strict=True):
            rows.append(
                LatencyRow(
                    arch=arch.name,
                    options=" ".join(f"{key}={value}" for key, value in arch.options),
                    widths=" ".join(f"{name}={kept}" for name, kept in own),
                    parameters=sum(weights.numel() for weights in model.parameters()),
                    batch=batch,
                    rounds=ROUNDS,
                    seconds=median,
                )
            )
    return rows


def main() -> int:
    """Exit code 0, or 2 after one line on what is missing."""
    parser = argparse.ArgumentParser("python -m experiments.latency", description=__doc__)
    parser.add_argument("experiment", nargs="+", help="name of a file in conf/experiment")
    parser.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    arguments = parser.parse_args()
    try:
        for experiment in arguments.experiment:
            rows = measure_experiment(experiment, arguments.results)
            write_latency(rows, csv_path(arguments.results, experiment))
            say(write_tables(experiment, arguments.results))
    except TropnncError as error:
        print(f"latency: {error}", file=sys.stderr)
        return BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
