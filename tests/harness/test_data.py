"""Data: pinned splits that do not overlap, and one line where files are missing."""

import struct
from pathlib import Path

import pytest
import torch

from experiments.data import Dataset, load_dataset, normalise
from experiments.data import idx as idx_module
from experiments.data.idx import FILES, idx_dataset
from experiments.settings import DatasetSettings
from tropnnc import TropnncError

SETTINGS = DatasetSettings("mnist5k", (0.1307,), (0.3081,))


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load_dataset("mnist5k", Path("nowhere"))


def test_golden_split_of_mnist5k(digits: Dataset) -> None:
    assert digits.fingerprint == "c3ee64921cc9da50c7c7028019fa3d6d61df3dca69f5389f8c494038083464e4"


def test_splits_are_balanced_and_disjoint(digits: Dataset) -> None:
    splits = (digits.train, digits.validation, digits.test)
    assert [len(split) for split in splits] == [3500, 500, 1000]
    for split, per_class in zip(splits, (350, 50, 100), strict=True):
        assert split.images.dtype == torch.uint8
        assert split.images.shape[1:] == (1, 28, 28)
        assert torch.bincount(split.labels).tolist() == [per_class] * 10
    images = [{image.numpy().tobytes() for image in split.images} for split in splits]
    assert not images[0] & images[1] | images[0] & images[2] | images[1] & images[2]


def test_pixels_are_the_statistics_of_what_the_network_sees(digits: Dataset) -> None:
    seen = normalise(digits.train.images, SETTINGS).double()
    pixels = digits.pixels(SETTINGS)
    expected = (seen.mean(), seen.std(correction=0), seen.min(), seen.max())
    for value, wanted in zip(
        (pixels.mean, pixels.std, pixels.low, pixels.high), expected, strict=True
    ):
        assert value == pytest.approx((wanted.item(),), abs=1e-5)


def _write_idx(folder: Path, counts: tuple[int, int]) -> None:
    folder.mkdir(parents=True)
    for count, names in zip(counts, (FILES[:2], FILES[2:]), strict=True):
        labels = bytes(index % 10 for index in range(count))
        (folder / names[0]).write_bytes(
            struct.pack(">4i", 0x803, count, 28, 28) + bytes(count * 784)
        )
        (folder / names[1]).write_bytes(struct.pack(">2i", 0x801, count) + labels)


def test_torchvision_layout(tmp_path: Path) -> None:
    _write_idx(tmp_path / "MNIST" / "raw", (60_000, 10_000))
    dataset = idx_dataset("mnist", "MNIST", tmp_path)
    lengths = [len(split) for split in (dataset.train, dataset.validation, dataset.test)]
    assert lengths == [55_000, 5_000, 10_000]
    assert torch.bincount(dataset.validation.labels).tolist() == [500] * 10


def test_a_data_set_of_another_size_is_refused(tmp_path: Path) -> None:
    _write_idx(tmp_path / "MNIST" / "raw", (600, 100))
    with pytest.raises(TropnncError, match="holds 600 and 100 images, accepted are 60000"):
        idx_dataset("mnist", "MNIST", tmp_path)


def test_missing_files_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: object) -> None:
        raise RuntimeError("Error downloading")

    monkeypatch.setattr(idx_module, "_read", offline)
    with pytest.raises(TropnncError, match=r"put train-images.*into .*FashionMNIST/raw") as caught:
        idx_dataset("fashion_mnist", "FashionMNIST", tmp_path)
    assert "\n" not in str(caught.value)


def test_unknown_name() -> None:
    with pytest.raises(TropnncError, match="accepted are mnist5k, mnist, fashion_mnist"):
        load_dataset("mnist6k", Path("nowhere"))
