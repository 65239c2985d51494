"""The dense networks of a sweep: which they are, and whether they are trained."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from experiments.checkpoints import Training, is_stored, stored_network
from experiments.data import open_dataset
from experiments.locks import is_busy
from experiments.published import absence
from experiments.settings import ArchSettings, CellSettings, DatasetSettings, Machine
from experiments.training_settings import TrainSettings

Network = tuple[DatasetSettings, ArchSettings, TrainSettings | None, int]


def network_of(cell: CellSettings) -> Network:
    """What determines the dense network of ``cell``; published weights have no recipe."""
    recipe = cell.train if cell.arch.checkpoint is None else None
    return cell.dataset, cell.arch, recipe, cell.seed


def by_network(cells: Sequence[CellSettings]) -> list[int]:
    """Indices of the cells, those of one dense network next to each other."""
    first: dict[Network, int] = {}
    places = [first.setdefault(network_of(cell), index) for index, cell in enumerate(cells)]
    return sorted(range(len(cells)), key=places.__getitem__)


def one_per_network(cells: Iterable[CellSettings]) -> list[CellSettings]:
    """One cell of each dense network."""
    return list({network_of(cell): cell for cell in cells}.values())


def training_of(cell: CellSettings, machine: Machine) -> Training | None:
    """How the dense network of ``cell`` is made; None where its weights are published."""
    dataset, arch, recipe, seed = network_of(cell)
    if recipe is None:
        return None
    return Training(arch, recipe, open_dataset(dataset, machine), dataset, seed)


def is_trained(cell: CellSettings, machine: Machine) -> bool:
    """Whether the dense network of ``cell`` is on disk, whole or damaged."""
    training = training_of(cell, machine)
    return training is None or is_stored(training, machine.runs_dir)


def is_to_be_trained(cell: CellSettings, machine: Machine) -> bool:
    """Whether running ``cell`` would begin with a training; damaged weights are set aside."""
    if obstacle(cell, machine) is not None:
        return False
    training = training_of(cell, machine)
    return training is not None and stored_network(training, machine.runs_dir) is None


def obstacle(cell: CellSettings, machine: Machine) -> str | None:
    """Why the cells on the dense network of ``cell`` are skipped; None where they are not.

    Published weights are not to be had, or it is not trained yet and is not to be.
    """
    if cell.arch.checkpoint is not None:
        return absence(cell.arch, machine.runs_dir)
    if machine.train_missing or is_trained(cell, machine):
        return None
    return (
        f"{cell.dataset.name} {cell.arch.name} seed={cell.seed}: not trained here;"
        " make train-cifar, or train_missing=true"
    )


def is_being_trained(cell: CellSettings, machine: Machine) -> bool:
    """Whether another process trains the dense network of ``cell`` now."""
    training = training_of(cell, machine)
    if training is None or is_stored(training, machine.runs_dir):
        return False
    return is_busy(machine.runs_dir, training.identity)
