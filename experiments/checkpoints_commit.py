"""``python -m experiments.checkpoints_commit OVERRIDES``: networks for ``results/checkpoints``.

OVERRIDES are those of ``run.py``, for one dense network. What is missing is trained; a training
that was killed goes on from its last epoch. The test images are looked at once, at the end, and
nothing is chosen on them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from experiments.bench import open_bench
from experiments.check.composing import cell_of, machine_of
from experiments.checkpoints import Training, checkpoint_files, committed_files, trained_network
from experiments.console import BAD_INPUT, say
from experiments.environment import environment
from experiments.evaluation import resolve_device
from experiments.network_files import Files, read_facts, read_weights, write_network
from experiments.networks import training_of
from experiments.settings import CellSettings, Machine
from tropnnc.errors import TropnncError

MEGABYTES = 10


def commit(cell: CellSettings, machine: Machine, command: str) -> Files:
    """Train the dense network of ``cell`` if it is missing, and put it where it is committed.

    Returns:
        the two files, to be added to the repository.

    Raises:
        TropnncError: its weights are published already, or too many for the repository.
    """
    training = training_of(cell, machine)
    if training is None:
        raise TropnncError(f"{cell.arch.name}: its weights are published, nothing to train")
    trained_network(training, resolve_device(machine.device), machine.runs_dir)
    source, target = checkpoint_files(training, machine.runs_dir), committed_files(training)
    if source != target:
        _check_size(source)
        _copy(source, target, _facts(cell, machine, training, command))
    say(_line(target))
    return target


def _check_size(files: Files) -> None:
    size = files[0].stat().st_size
    if size >= MEGABYTES * 10**6:
        raise TropnncError(
            f"{files[0]}: {size / 1e6:.1f} MB, fewer than {MEGABYTES} are committed;"
            " train.storage=float16 halves it"
        )


def _facts(
    cell: CellSettings, machine: Machine, training: Training, command: str
) -> dict[str, Any]:
    bench = open_bench(cell, machine)
    return {
        "identity": training.identity,
        "weights": bench.checkpoint,
        "test": {"correct": bench.dense.correct, "total": len(bench.test)},
        "command": command,
        "environment": environment(),
    }


def _copy(source: Files, target: Files, facts: dict[str, Any]) -> None:
    state = read_weights(source)
    assert state is not None
    write_network(target, state, {**read_facts(source[1]), **facts})


def _line(files: Files) -> str:
    facts = read_facts(files[1])
    test, seconds = facts["test"], facts["timing"]["train_seconds"]
    return (
        f"{files[0]}: {_percent(facts['validation'])} % of the validation images,"
        f" {test['correct']:,} of {test['total']:,} test images,"
        f" {files[0].stat().st_size / 1e6:.1f} MB, {seconds / 60:.0f} min"
    )


def _percent(counts: dict[str, int]) -> str:
    return f"{100 * counts['correct'] / counts['total']:.2f}"


def main(arguments: Sequence[str]) -> int:
    """Exit code 0, or 2 after one line on bad input."""
    parser = argparse.ArgumentParser(
        "python -m experiments.checkpoints_commit", description=__doc__
    )
    parser.add_argument("overrides", nargs="+", help="such as dataset=cifar10 arch=cifar_vgg")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="default: 0")
    given = parser.parse_args(arguments)
    try:
        for seed in given.seeds:
            overrides = [*given.overrides, f"seed={seed}"]
            command = f"{parser.prog} {' '.join(given.overrides)} --seeds {seed}"
            commit(cell_of(overrides), machine_of(overrides), command)
    except TropnncError as error:
        print(f"checkpoints_commit: {error}", file=sys.stderr)
        return BAD_INPUT
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
