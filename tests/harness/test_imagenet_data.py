"""ImageNet from files: labels by wnid, one order whoever decodes, pre-processing, what is wrong."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from experiments.data import Dataset, files, load_dataset, normalise, open_dataset
from experiments.data.imagenet import MEAN, STD
from experiments.data.preprocessing import PREPROCESSINGS, read_image
from experiments.parsing import cell_settings, machine_settings
from experiments.settings import DatasetSettings, Machine
from tests.harness.cells import composed
from tropnnc import TropnncError
from tropnnc.vision import torchvision

# Not in alphabetical order: ImageFolder's own index would be another one.
WNIDS = ("n03", "n01", "n04", "n02")
SETTINGS = DatasetSettings("imagenet_subset", MEAN, STD, "resize256_crop224")


def picture(path: Path, size: tuple[int, int], seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(256, size=(6, 5, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(path, "JPEG")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Machine]:
    """Six images of three of four classes."""
    root = tmp_path / "imagenet_subset"
    for number, wnid in enumerate(("n02", "n01", "n03", "n01", "n02", "n01")):
        picture(root / "val" / wnid / f"{9 - number}.JPEG", (230 + number, 260 - number), number)
    (root / "synset_words.txt").write_text("".join(f"{wnid} a, b\n" for wnid in WNIDS))
    load_dataset.cache_clear()
    yield Machine(tmp_path, tmp_path / "results")
    load_dataset.cache_clear()


def opened(here: Machine, preprocess: str | None = SETTINGS.preprocess) -> Dataset:
    return open_dataset(replace(SETTINGS, preprocess=preprocess), here)


def test_labels_are_lines_of_the_list_of_synsets(here: Machine) -> None:
    test = opened(here).test
    # Folders by wnid: three images of n01 (line 1), two of n02 (line 3), one of n03 (line 0).
    assert test.labels.tolist() == [1, 1, 1, 3, 3, 0]
    (here.data_dir / "imagenet_subset" / "synset_words.txt").unlink()
    load_dataset.cache_clear()
    with pytest.raises(TropnncError, match="3 folders are not the 1000 classes; put synset_words"):
        opened(here)


def test_all_classes_in_folders_need_no_list(tmp_path: Path) -> None:
    for label in range(1000):
        path = tmp_path / "imagenet" / "val" / f"n{label:08d}" / "1.jpg"
        path.parent.mkdir(parents=True)
        path.touch()
    load_dataset.cache_clear()
    assert load_dataset("imagenet", tmp_path).test.labels.tolist() == list(range(1000))


def test_training_images_are_cut_into_training_and_validation(here: Machine) -> None:
    assert len(opened(here).train) == len(opened(here).validation) == 0
    before = opened(here).fingerprint
    root = here.data_dir / "imagenet_subset"
    for number in range(24):
        picture(root / "train" / WNIDS[number % 2] / f"{number}.JPEG", (224, 224), number)
    load_dataset.cache_clear()
    dataset = opened(here)
    assert (len(dataset.validation), len(dataset.train), len(dataset.test)) == (20, 4, 6)
    assert dataset.fingerprint != before


@pytest.mark.parametrize("kept", [True, False])
def test_workers_change_neither_order_nor_pixels_nor_random_numbers(
    here: Machine, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "KEPT", files.KEPT if kept else 0)
    chunks = [torch.tensor([4, 0]), torch.tensor([3, 1, 2]), torch.tensor([5])]
    alone = list(opened(here).test.read(chunks))
    torch.manual_seed(3)
    several = list(opened(replace(here, decoders=2)).test.read(chunks))
    drawn = torch.rand(1)
    assert torch.equal(drawn, torch.rand(1, generator=torch.Generator().manual_seed(3)))
    whole = opened(here).test.images
    assert whole.shape == (6, 3, 224, 224)
    for one, other, chunk in zip(alone, several, chunks, strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, whole[chunk])
    taken = opened(here).test.take(torch.tensor([5, 2]))
    assert torch.equal(taken.images, whole[[5, 2]])
    assert taken.labels.tolist() == [0, 1]


@pytest.mark.parametrize("size", [(300, 257), (257, 301), (256, 256), (500, 333), (227, 227)])
@pytest.mark.parametrize("name", PREPROCESSINGS)
def test_preprocessings_are_those_of_torchvision(
    name: str, size: tuple[int, int], tmp_path: Path
) -> None:
    transforms = torchvision().transforms
    resizes = {"resize256_crop224": 256, "warp256_crop224": (256, 256), "warp224": (224, 224)}
    steps = [transforms.Resize(resizes[name])] if name in resizes else []
    theirs = transforms.Compose([*steps, transforms.CenterCrop(224), transforms.PILToTensor()])
    picture(tmp_path / "x.jpeg", size, 7)
    ours = read_image(str(tmp_path / "x.jpeg"), PREPROCESSINGS[name])
    assert torch.equal(ours, theirs(Image.open(tmp_path / "x.jpeg")))


def test_grey_images_have_three_channels(tmp_path: Path) -> None:
    Image.new("L", (224, 224), 77).save(tmp_path / "x.png")
    image = read_image(str(tmp_path / "x.png"), PREPROCESSINGS["crop224"])
    assert image.shape == (3, 224, 224)
    assert image.unique().tolist() == [77]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_cut_short_is_one_line(here: Machine, workers: int) -> None:
    path = here.data_dir / "imagenet_subset" / "val" / "n02" / "5.JPEG"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(TropnncError, match=r"n02/5.JPEG: not a readable image \(.+\)") as raised:
        _ = opened(replace(here, decoders=workers)).test.images
    assert "\n" not in str(raised.value)


def test_an_image_smaller_than_the_square_is_named(tmp_path: Path) -> None:
    picture(tmp_path / "x.jpeg", (300, 200), 0)
    with pytest.raises(TropnncError, match="300 × 200 pixels, 224 × 224 are cut out of it"):
        read_image(str(tmp_path / "x.jpeg"), PREPROCESSINGS["crop224"])


def _unknown(root: Path) -> None:
    (root / "val" / "n02").rename(root / "val" / "n99")


def _empty(root: Path) -> None:
    (root / "val" / "n04").mkdir()


def _no_classes(root: Path) -> None:
    shutil.rmtree(root / "val")
    (root / "val").mkdir()


def _absent(root: Path) -> None:
    shutil.rmtree(root / "val")


FAULTS = {
    r"val/n99: not the wnid of a class": _unknown,
    r"val/n04: no image in it": _empty,
    r"val: no class folders in it": _no_classes,
    r"no folder .*/val; make data links it .* point data_dir or TROPNNC_DATA": _absent,
}


@pytest.mark.parametrize("message", FAULTS)
def test_what_is_wrong_with_the_folders_is_one_line(message: str, here: Machine) -> None:
    FAULTS[message](here.data_dir / "imagenet_subset")
    with pytest.raises(TropnncError, match=message) as raised:
        opened(here)
    assert "\n" not in str(raised.value)


def test_the_fingerprint_is_of_names_sizes_and_labels(here: Machine) -> None:
    def fingerprint() -> str:
        load_dataset.cache_clear()
        return opened(here).fingerprint

    first = fingerprint()
    assert opened(here, "warp224").fingerprint == first
    path = here.data_dir / "imagenet_subset" / "val" / "n02" / "5.JPEG"
    path.write_bytes(path.read_bytes() + b"0")
    longer = fingerprint()
    path.rename(path.with_name("6.JPEG"))
    assert len({first, longer, fingerprint()}) == 3


def test_statistics_are_those_of_the_training_images_in_the_units_of_the_network(
    here: Machine,
) -> None:
    units = DatasetSettings("imagenet_subset", (0.5,) * 3, (0.25,) * 3, "crop224")
    pixels = opened(here).pixels(units)
    mean = torch.tensor(MEAN, dtype=torch.float64)
    assert pixels.mean == pytest.approx(((mean - 0.5) / 0.25).tolist())
    assert pixels.std == pytest.approx([4 * value for value in STD])
    black = torch.zeros(1, 3, 2, 2, dtype=torch.uint8)
    assert pixels.low == tuple(normalise(black, units)[0, :, 0, 0].tolist())


def test_a_preprocessing_is_asked_for_where_images_are_files_and_nowhere_else(
    here: Machine,
) -> None:
    with pytest.raises(TropnncError, match=r"preprocess = null is not accepted .* one of crop224"):
        opened(here, None)
    digits = DatasetSettings("mnist5k", (0.0,), (1.0,), "warp224")
    with pytest.raises(TropnncError, match="warp224 is not accepted with mnist5k; null is"):
        open_dataset(digits, here)
    with pytest.raises(TropnncError, match=r"unknown dataset\.preprocess 'warp'"):
        cell_settings(composed("dataset=imagenet", "arch=resnet18", "dataset.preprocess=warp"))


def test_identity_depends_on_the_preprocessing_and_not_on_workers() -> None:
    chosen = ("dataset=imagenet", "arch=resnet18")
    usual = composed(*chosen)
    more = composed(*chosen, "decoders=7")
    other = composed(*chosen, "dataset.preprocess=warp256_crop224")
    assert cell_settings(more) == cell_settings(usual)
    assert machine_settings(more).decoders == 7
    determinants = cell_settings(usual).determinants()
    assert determinants["dataset"]["preprocess"] == "resize256_crop224"
    assert cell_settings(other).determinants() != determinants
    assert "preprocess" not in cell_settings(composed()).determinants()["dataset"]
