"""Data sets by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

from experiments.data.cifar import cifar10, cifar100, cifar_files
from experiments.data.dataset import Dataset
from experiments.data.idx import idx_dataset, idx_files
from experiments.data.mnist5k import mnist5k, mnist5k_file
from experiments.data.pair import digit_pair
from tropnnc.errors import check_choice

DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "mnist5k": lambda _: mnist5k(),
    "mnist": partial(idx_dataset, "mnist", "MNIST"),
    "fashion_mnist": partial(idx_dataset, "fashion_mnist", "FashionMNIST"),
    "mnist_3v5": partial(digit_pair, "mnist_3v5", (3, 5)),
    "mnist_4v9": partial(digit_pair, "mnist_4v9", (4, 9)),
    "cifar10": cifar10,
    "cifar100": cifar100,
}
_FILES: dict[str, Callable[[Path], list[Path]]] = {
    "mnist5k": lambda _: [mnist5k_file()],
    "mnist": partial(idx_files, "MNIST"),
    "fashion_mnist": partial(idx_files, "FashionMNIST"),
    "mnist_3v5": partial(idx_files, "MNIST"),
    "mnist_4v9": partial(idx_files, "MNIST"),
    "cifar10": partial(cifar_files, "CIFAR10"),
    "cifar100": partial(cifar_files, "CIFAR100"),
}


@lru_cache(maxsize=len(DATASETS))
def load_dataset(name: str, data_dir: Path) -> Dataset:
    """The data set ``name``, kept in memory for the cells that follow."""
    check_choice("data set", name, tuple(DATASETS))
    return DATASETS[name](data_dir)


def data_files(name: str, data_dir: Path) -> list[Path]:
    """The files that the data set ``name`` is read from."""
    return _FILES[name](data_dir)
