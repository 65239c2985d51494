"""CIFAR: the original files checked by md5, two containers of CIFAR-100 that are one data set."""

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from experiments.data import Dataset, Split, cifar, cifar100_npz, data_files, load
from tropnnc import TropnncError
from tropnnc.vision import torchvision

PER_CLASS = {"CIFAR10": 4, "CIFAR100": 2}
LOADERS = {"CIFAR10": cifar.cifar10, "CIFAR100": cifar.cifar100}


def write(path: Path, content: Mapping[str, Any]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content))
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture
def originals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A few random images in torchvision's layout, which count as the original."""
    rng = np.random.default_rng(0)
    monkeypatch.setattr(cifar, "VALIDATION", 100)
    monkeypatch.setattr(torchvision().datasets.CIFAR10, "download", offline)
    for kind, classes, key in (("CIFAR10", 10, "labels"), ("CIFAR100", 100, "fine_labels")):
        known = getattr(torchvision().datasets, kind)
        for attribute in ("train_list", "test_list"):
            listed = []
            for name, _ in getattr(known, attribute):
                labels = rng.permutation(np.repeat(np.arange(classes), PER_CLASS[kind])).tolist()
                data = rng.integers(0, 256, (len(labels), 3072), dtype=np.uint8)
                path = tmp_path / known.base_folder / name
                listed.append([name, write(path, {"data": data, key: labels})])
            monkeypatch.setattr(known, attribute, listed)
    return tmp_path


def offline(_: object) -> None:
    raise RuntimeError("Error downloading")


def as_npz(folder: Path, shuffle: int) -> None:
    """CIFAR-100 as ``cifar100.npz``, its images in another order; the original is removed."""
    rng = np.random.default_rng(shuffle)
    arrays = {}
    for name in ("train", "test"):
        path = folder / "cifar-100-python" / name
        content = pickle.loads(path.read_bytes())
        order = rng.permutation(len(content["data"]))
        arrays[f"x_{name}"] = content["data"][order].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        arrays[f"y_{name}"] = np.array(content["fine_labels"])[order]
        path.unlink()
    np.savez(folder / "cifar100.npz", **arrays)


def count_as_original(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the images of ``dataset`` be CIFAR-100's."""
    parts = (dataset.train, dataset.validation)
    images = torch.cat([part.images for part in parts])
    labels = torch.cat([part.labels for part in parts])
    train = cifar100_npz.ordered(Split(images, labels))
    test = Split(dataset.test.images, dataset.test.labels)
    monkeypatch.setattr(cifar100_npz, "SHA256", cifar100_npz._sha256(train, test))


@pytest.mark.parametrize(("kind", "train"), [("CIFAR10", 5 * 40 - 100), ("CIFAR100", 100)])
def test_torchvision_layout(originals: Path, kind: cifar.Kind, train: int) -> None:
    dataset = LOADERS[kind](originals)
    classes = int(kind.removeprefix("CIFAR"))
    assert len(dataset.train) == train
    assert torch.bincount(dataset.validation.labels).tolist() == [100 // classes] * classes
    assert dataset.test.images.shape == (classes * PER_CLASS[kind], 3, 32, 32)
    assert dataset.test.images.dtype == torch.uint8
    assert all(path.exists() for path in cifar.cifar_files(kind, originals))


def test_cifar10_is_in_the_order_and_the_layout_of_its_files(originals: Path) -> None:
    content = pickle.loads((originals / "cifar-10-batches-py" / "test_batch").read_bytes())
    test = cifar.cifar10(originals).test
    assert test.labels.tolist() == content["labels"]
    assert np.array_equal(test.images.flatten(1).numpy(), content["data"])


def test_both_containers_of_cifar100_are_one_data_set(
    originals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = cifar.cifar100(originals)
    count_as_original(dataset, monkeypatch)
    as_npz(originals, shuffle=1)
    assert data_files("cifar100", originals) == [originals / "cifar100.npz"]
    assert cifar.cifar100(originals).fingerprint == dataset.fingerprint


@pytest.mark.parametrize("damage", ["truncated", "not a zip", "one pixel", "a key is missing"])
def test_a_damaged_npz_is_set_aside(
    originals: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    count_as_original(cifar.cifar100(originals), monkeypatch)
    as_npz(originals, shuffle=2)
    path = originals / "cifar100.npz"
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-500])
    elif damage == "not a zip":
        path.write_bytes(b"<html>")
    else:
        arrays = dict(np.load(path))
        if damage == "one pixel":
            arrays["x_test"] = arrays["x_test"] ^ (np.arange(arrays["x_test"].size) == 7).reshape(
                arrays["x_test"].shape
            ).astype(np.uint8)
        else:
            del arrays["y_test"]
        np.savez(path, **arrays)
    with pytest.raises(
        TropnncError, match=r"put train, test into .*or cifar100.npz into"
    ) as caught:
        cifar.cifar100(originals)
    assert "\n" not in str(caught.value)
    assert (originals / "damaged" / "cifar100.npz.1").exists()
    assert f"{path}: damaged" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_file_is_named_set_aside_and_downloaded_again(
    originals: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    damage: str,
) -> None:
    whole = cifar.cifar10(originals).fingerprint
    path = originals / "cifar-10-batches-py" / "data_batch_3"
    good = path.read_bytes()
    path.write_bytes(good[:-1] if damage == "truncated" else good[:-1] + b"\1")
    bad = path.read_bytes()
    monkeypatch.setattr(
        torchvision().datasets.CIFAR10, "download", lambda _: path.write_bytes(good)
    )
    monkeypatch.setattr(torchvision().datasets.CIFAR10, "_load_meta", lambda _: None)
    assert cifar.cifar10(originals).fingerprint == whole
    assert (path.parent / "damaged" / "data_batch_3.1").read_bytes() == bad
    assert f"{path}: damaged" in capsys.readouterr().out


def test_missing_files_without_a_network(originals: Path) -> None:
    (originals / "cifar-10-batches-py" / "test_batch").unlink()
    with pytest.raises(
        TropnncError, match=r"put test_batch into .*cifar-10-batches-py, or"
    ) as caught:
        load.load_dataset("cifar10", originals)
    assert "\n" not in str(caught.value)
