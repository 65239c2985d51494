"""Stamp a sweep whose cells are all settled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from experiments.cell import Outcome
from experiments.checkpoints import checkpoint_files
from experiments.data import data_files
from experiments.networks import one_per_network, training_of
from experiments.published import absence, local_file
from experiments.settings import CellSettings, Machine
from experiments.stamp import Stamp
from tropnnc.files import write_atomic


def write_stamp(stamp: Stamp, files: Iterable[Path], text: str) -> None:
    """Let the rerun of a sweep print ``text``, as long as none of ``files`` is touched."""
    with suppress(FileNotFoundError):  # set aside or deleted meanwhile: the rerun looks closely
        write_atomic(stamp.path, stamp.content(files, text))


def sweep_files(outcomes: Sequence[Outcome], machine: Machine) -> list[Path]:
    """Everything on disk that the outcomes came from: records, networks, data."""
    files = [outcome.path for outcome in outcomes if outcome.path is not None]
    for cell in one_per_network(outcome.cell for outcome in outcomes):
        files += data_files(cell.dataset.name, machine.data_dir)
        training = training_of(cell, machine)
        if training is None:
            files.append(_published_file(cell, machine))
        else:
            files += checkpoint_files(training, machine.runs_dir)
    return files


def _published_file(cell: CellSettings, machine: Machine) -> Path:
    """Where it is, or where it should be: as long as it is not there, no stamp is written."""
    if absence(cell.arch, machine.runs_dir) is None:
        return local_file(cell.arch, machine.runs_dir)
    return Path(str(cell.arch.checkpoint))
