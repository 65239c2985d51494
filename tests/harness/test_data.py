"""Data: pinned splits that do not overlap, and one line where files are missing."""

import hashlib
import struct
from pathlib import Path

import pytest
import torch

from experiments.data import Dataset, load_dataset, normalise
from experiments.data import idx as idx_module
from experiments.data.idx import FILES, idx_dataset
from experiments.settings import DatasetSettings
from tropnnc import TropnncError
from tropnnc.vision import torchvision

MNIST = torchvision().datasets.MNIST
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


@pytest.fixture
def blank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with MNIST's files, all images blank, that count as the original."""
    folder = tmp_path / "MNIST" / "raw"
    folder.mkdir(parents=True)
    for count, (images, labels) in zip((60_000, 10_000), (FILES[:2], FILES[2:]), strict=True):
        header = struct.pack(">4i", 0x803, count, 28, 28)
        (folder / images).write_bytes(header + bytes(count * 784))
        digits = bytes(index % 10 for index in range(count))
        (folder / labels).write_bytes(struct.pack(">2i", 0x801, count) + digits)
    hashes = tuple(hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in FILES)
    monkeypatch.setitem(idx_module.SHA256, "MNIST", hashes)
    return folder


def test_torchvision_layout(blank: Path, tmp_path: Path) -> None:
    dataset = idx_dataset("mnist", "MNIST", tmp_path)
    lengths = [len(split) for split in (dataset.train, dataset.validation, dataset.test)]
    assert lengths == [55_000, 5_000, 10_000]
    assert torch.bincount(dataset.validation.labels).tolist() == [500] * 10
    assert sorted(path.name for path in blank.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_file_is_named_set_aside_and_downloaded_again(
    blank: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    path = blank / FILES[1]
    good = path.read_bytes()
    path.write_bytes(good[:-1] if damage == "truncated" else good[:-1] + b"\1")
    bad = path.read_bytes()

    def download(_: object) -> None:
        downloads.append(path.exists())
        path.write_bytes(good)

    downloads: list[bool] = []
    monkeypatch.setattr(MNIST, "download", download)
    idx_dataset("mnist", "MNIST", tmp_path)
    assert downloads[0] is False
    assert (blank / "damaged" / f"{path.name}.1").read_bytes() == bad
    assert f"{path}: damaged" in capsys.readouterr().out


def test_a_damaged_file_without_a_network(
    blank: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (blank / FILES[2]).write_bytes(b"")
    monkeypatch.setattr(MNIST, "mirrors", [])
    with pytest.raises(TropnncError, match=rf"put {FILES[2]} \(unpacked\) into {blank}, or"):
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
