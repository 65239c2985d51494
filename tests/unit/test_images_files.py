"""Synthetic images on disk: nothing lost, damage seen, a sheet to look at."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image

from tests.networks import build
from tropnnc import TropnncError
from tropnnc.imagination import Images, Recipe, imagine, load_images, origin_of, save_images
from tropnnc.imagination.sheet import contact_sheet
from tropnnc.unit import Pixels

PIXELS = Pixels((0.1, 0.2, 0.3), 0.9)


@pytest.fixture
def made() -> Images:
    return imagine(build("resnet"), (3, 10, 10), Recipe(count=5, steps=1), PIXELS, 7)


@pytest.fixture
def path(made: Images, tmp_path: Path) -> Path:
    save_images(made, tmp_path / "images.safetensors")
    return tmp_path / "images.safetensors"


def _message(path: Path) -> str:
    with pytest.raises(TropnncError) as caught:
        load_images(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def test_nothing_is_lost(made: Images, path: Path) -> None:
    loaded = load_images(path)
    assert torch.equal(loaded.tensor, made.tensor)
    assert loaded.tensor.dtype == torch.float32
    assert (loaded.origin, loaded.source) == (made.origin, made.source)
    assert (loaded.before, loaded.after) == (made.before, made.after)
    assert loaded.origin.identity == made.origin.identity


def test_the_same_images_are_the_same_bytes(made: Images, path: Path) -> None:
    before = path.read_bytes()
    save_images(load_images(path), path)
    assert path.read_bytes() == before


def test_every_byte_counts(path: Path) -> None:
    """A flipped bit anywhere in the file is seen; every 29th byte is tried."""
    whole = path.read_bytes()
    for place in range(0, len(whole), 29):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        _message(path)


@pytest.mark.parametrize("left", [0, 5, 300, -1])
def test_a_truncated_file(path: Path, left: int) -> None:
    path.write_bytes(path.read_bytes()[:left])
    _message(path)


def test_files_of_other_things(tmp_path: Path) -> None:
    assert _message(tmp_path / "nowhere") == f"{tmp_path / 'nowhere'}: no such file"
    (tmp_path / "text").write_text("images")
    _message(tmp_path / "text")
    safetensors.torch.save_file(build("mlp").state_dict(), tmp_path / "weights")
    assert "not a file of tropnnc imagine" in _message(tmp_path / "weights")


def test_an_origin_is_all_that_determines_images() -> None:
    model, recipe = build("resnet"), Recipe(count=5, steps=1)
    origin = origin_of(model, (3, 10, 10), recipe, PIXELS, 7)
    others = {
        "weights": origin_of(build("resnet", 1), (3, 10, 10), recipe, PIXELS, 7),
        "shape": origin_of(model, (3, 12, 10), recipe, PIXELS, 7),
        "pixels": origin_of(model, (3, 10, 10), recipe, replace(PIXELS, low=-3.0), 7),
        "seed": origin_of(model, (3, 10, 10), recipe, PIXELS, 8),
        "steps": origin_of(model, (3, 10, 10), replace(recipe, steps=2), PIXELS, 7),
        "version": replace(origin, version=99),
    }
    assert len({origin.identity, *(other.identity for other in others.values())}) == 7
    for name, other in others.items():
        assert origin.differences(other) == [name]
    spelt = Pixels([0.1, 0.2, 0.3], (0.9, 0.9, 0.9))  # pyright: ignore[reportArgumentType]
    assert origin_of(model, (3, 10, 10), recipe, spelt, 7) == origin


def _shown(images: torch.Tensor, pixels: Pixels) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(contact_sheet(images, pixels))))


def test_the_sheet_shows_the_images_in_rows() -> None:
    images = torch.zeros(5, 3, 4, 6)
    images[3, 0], images[4] = 1.0, 0.5
    sheet = _shown(images, Pixels((0.0,), (1.0,), (0.0, 0.0, 0.0), (1.0, 1.0, 0.5)))
    assert sheet.shape == (2 * 4 + 2, 3 * 6 + 2 * 2, 3)
    assert sheet[6, 0].tolist() == [255, 0, 0]
    assert sheet[9, 8].tolist() == [128, 128, 255]
    assert sheet[0, 0].tolist() == [0, 0, 0]
    assert sheet[4, 0].tolist() == sheet[9, 20].tolist() == [255, 255, 255]  # gap and empty place


def test_other_channels_are_shown_in_grey_and_a_hundred_images_at_most() -> None:
    images = torch.ones(120, 1, 2, 2)
    images[99] = -1.0
    sheet = _shown(images, Pixels(0.0, 1.0, (-1.0,), (1.0,)))
    assert sheet.shape == (10 * 4 - 2, 10 * 4 - 2)
    assert (sheet[0, 0], sheet[-1, -1]) == (255, 0)
