"""``python -m experiments.latency EXPERIMENT``: how long the networks of an experiment take.

The widths come from the records of the experiment. Each (network, widths) is timed once, whatever
methods share it: the weights do not matter. The networks take turns, so that whatever else the
machine does falls on all alike.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from experiments.check.composing import experiment_cells, machine_of
from experiments.console import say, short_errors
from experiments.data import open_dataset
from experiments.environment import environment
from experiments.evaluation import laid_out
from experiments.identity import digest
from experiments.manifest import experiment_records, read_manifest
from experiments.report.latency import LatencyRow, csv_path, write_latency, write_tables
from experiments.settings import ArchSettings, CellSettings, Machine
from experiments.timing import BATCHES, ROUNDS, Widths, median_seconds, network_of_widths
from tropnnc.errors import TropnncError
from tropnnc.files import write_atomic

LATENCY_VERSION = 1
Shape = tuple[int, ...]


def measure_experiment(experiment: str, machine: Machine) -> list[LatencyRow]:
    """The rows of every network of ``experiment``, timed now or found in a latency record.

    Raises:
        TropnncError: the experiment has not been run here, or cells of it are missing.
    """
    runs = machine.runs_dir
    records = experiment_records(runs, experiment)
    if records is None:
        raise TropnncError(f"no records of {experiment}; python run.py experiment={experiment}")
    done = [record for record in records if record["status"] == "done"]
    rows: list[LatencyRow] = []
    for key, cell in _networks(experiment).items():
        found = {_widths(record) for record in done if digest(record["config"]["arch"]) == key}
        if found:
            shape = open_dataset(cell.dataset, machine).test.shape
            rows += _of_network(cell.arch, shape, [(), *sorted(found, reverse=True)], runs)
    return rows


def _networks(experiment: str) -> dict[str, CellSettings]:
    """A cell of every architecture, by the hash of what a record says about that.

    All images that an architecture sees in one experiment have one shape.
    """
    cells = experiment_cells(experiment)
    return {digest(cell.determinants()["arch"]): cell for cell in cells}


def _widths(record: dict[str, Any]) -> Widths:
    return tuple((unit["name"], unit["kept"]) for unit in record["units"])


def _of_network(
    arch: ArchSettings, shape: Shape, widths: Sequence[Widths], runs: Path
) -> list[LatencyRow]:
    """Rows of the dense network (no widths) and of the compressed ones, read or measured."""
    parts = {
        "arch": {"name": arch.name, **dict(arch.options)},
        "shape": shape,
        "widths": widths,
        "batches": BATCHES,
        "rounds": ROUNDS,
        "version": LATENCY_VERSION,
    }
    path = runs / "latency" / f"{digest(parts)}.json"
    if not path.exists():
        rows = [asdict(row) for row in _measured(arch, shape, widths)]
        record = {**parts, "environment": environment(), "rows": rows}
        write_atomic(path, (json.dumps(record, indent=1) + "\n").encode())
    return [LatencyRow(**row) for row in json.loads(path.read_text())["rows"]]


def _measured(arch: ArchSettings, shape: Shape, widths: Sequence[Widths]) -> list[LatencyRow]:
    pixels = torch.rand(max(BATCHES), *shape, generator=torch.Generator().manual_seed(0))
    images = laid_out(pixels)
    models = [network_of_widths(arch, own, images[:1]) for own in widths]
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


def main() -> None:
    """Exit code 0, or 2 after one line on what is missing."""
    parser = argparse.ArgumentParser("python -m experiments.latency", description=__doc__)
    parser.add_argument("experiment", nargs="+", help="name of a file in conf/experiment")
    parser.add_argument("--results", type=Path, default=Path("results"), help="default: results")
    parser.add_argument(
        "--complete", action="store_true", help="leave out experiments that are not complete here"
    )
    arguments = parser.parse_args()
    with short_errors("latency"):
        machine = machine_of([f"results_dir={arguments.results}"])
        for experiment in arguments.experiment:
            if arguments.complete and read_manifest(machine.runs_dir, experiment) is None:
                say(f"{experiment}: not complete here, not timed")
                continue
            rows = measure_experiment(experiment, machine)
            write_latency(rows, csv_path(arguments.results, experiment))
            say(write_tables(experiment, arguments.results))


if __name__ == "__main__":
    main()
