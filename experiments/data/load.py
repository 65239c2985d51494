"""Data sets by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

from experiments.data.cifar import cifar10, cifar100, cifar_files
from experiments.data.dataset import Dataset
from experiments.data.files import Files
from experiments.data.idx import idx_dataset, idx_files
from experiments.data.imagenet import imagenet, imagenet_files
from experiments.data.mnist5k import mnist5k, mnist5k_file
from experiments.data.pair import digit_pair
from experiments.data.preprocessing import PREPROCESSINGS
from experiments.settings import DatasetSettings, Machine
from tropnnc.errors import TropnncError, check_choice

DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "mnist5k": lambda _: mnist5k(),
    "mnist": partial(idx_dataset, "mnist", "MNIST"),
    "fashion_mnist": partial(idx_dataset, "fashion_mnist", "FashionMNIST"),
    "mnist_3v5": partial(digit_pair, "mnist_3v5", (3, 5)),
    "mnist_4v9": partial(digit_pair, "mnist_4v9", (4, 9)),
    "cifar10": cifar10,
    "cifar100": cifar100,
    "imagenet": partial(imagenet, "imagenet"),
    "imagenet_subset": partial(imagenet, "imagenet_subset"),
}
_FILES: dict[str, Callable[[Path], list[Path]]] = {
    "mnist5k": lambda _: [mnist5k_file()],
    "mnist": partial(idx_files, "MNIST"),
    "fashion_mnist": partial(idx_files, "FashionMNIST"),
    "mnist_3v5": partial(idx_files, "MNIST"),
    "mnist_4v9": partial(idx_files, "MNIST"),
    "cifar10": partial(cifar_files, "CIFAR10"),
    "cifar100": partial(cifar_files, "CIFAR100"),
    "imagenet": partial(imagenet_files, "imagenet"),
    "imagenet_subset": partial(imagenet_files, "imagenet_subset"),
}


@lru_cache(maxsize=len(DATASETS))
def load_dataset(name: str, data_dir: Path) -> Dataset:
    """The data set ``name``, kept in memory for the cells that follow."""
    check_choice("data set", name, tuple(DATASETS))
    return DATASETS[name](data_dir)


def open_dataset(settings: DatasetSettings, machine: Machine) -> Dataset:
    """The data set as a network sees it: images from files are brought to one size.

    Raises:
        TropnncError: not to be had, or a pre-processing where there is none or none where there
            is to be one.
    """
    dataset = load_dataset(settings.name, machine.data_dir)
    chosen, of_files = settings.preprocess, isinstance(dataset.test, Files)
    if of_files != (chosen is not None):
        accepted = f"one of {', '.join(PREPROCESSINGS)} is" if of_files else "null is"
        raise TropnncError(
            f"dataset.preprocess = {chosen or 'null'} is not accepted with {dataset.name};"
            f" {accepted}"
        )
    return dataset if chosen is None else _processed(dataset, chosen, machine.decoders)


@lru_cache(maxsize=2)
def _processed(dataset: Dataset, chosen: str, workers: int) -> Dataset:
    splits = {
        name: replace(split, preprocessing=PREPROCESSINGS[chosen], workers=workers)
        for name, split in vars(dataset).items()
        if isinstance(split, Files)
    }
    return replace(dataset, **splits)


def data_files(name: str, data_dir: Path) -> list[Path]:
    """The files that the data set ``name`` is read from."""
    return _FILES[name](data_dir)
