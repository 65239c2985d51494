"""Random parts of image files: which pixels, the same whoever decodes, however many share them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from experiments.augmentation import batches
from experiments.bench import check_inputs
from experiments.data.cropping import AREA, ASPECT, _of_any_area, read_cropped
from experiments.data.files import Files
from experiments.data.preprocessing import PREPROCESSINGS, Preprocessing
from experiments.parsing import cell_settings, machine_settings
from experiments.processes import Alone
from experiments.training_settings import TrainSettings
from tests.harness.cells import composed
from tests.harness.test_imagenet_data import picture
from tropnnc import TropnncError
from tropnnc.vision import torchvision

RECIPE = TrainSettings("sgd", 0.1, "constant", 1, 4, 0.0, 0.0, 0, flip=True, crop="resized")
ALMOST_ONE = 1 - 2**-24


def files(folder: Path, workers: int = 0) -> Files:
    paths = [folder / f"{number}.jpeg" for number in range(6)]
    for number, path in enumerate(paths):
        picture(path, (30 + number, 40 - number), number)
    return Files(tuple(map(str, paths)), torch.arange(6), Preprocessing(16, resize=20), workers)


@pytest.mark.parametrize(
    ("draw", "corner"), [(0.0, (0, 0)), (ALMOST_ONE, (42, 32)), (0.5, (21, 16))]
)
def test_a_random_square_lies_anywhere_in_the_resized_image(
    draw: float, corner: tuple[int, int], tmp_path: Path
) -> None:
    picture(tmp_path / "x.jpeg", (300, 288), 1)  # resized to 266 × 256: 43 and 33 places
    functional = torchvision().transforms.functional
    image = functional.resize(Image.open(tmp_path / "x.jpeg"), [256])
    theirs = functional.crop(functional.pil_to_tensor(image), corner[1], corner[0], 224, 224)
    draws = torch.tensor([draw, draw, 0, 0])
    found = read_cropped(
        str(tmp_path / "x.jpeg"), PREPROCESSINGS["resize256_crop224"], "random", draws
    )
    assert torch.equal(found, theirs)


def test_a_rectangle_of_any_area_is_what_torchvision_cuts_and_resizes(tmp_path: Path) -> None:
    picture(tmp_path / "x.jpeg", (300, 200), 2)
    # A quarter of the area, square: 122 × 122 of 179 and 79 places.
    share = (0.25 - AREA[0]) / (AREA[1] - AREA[0])
    draws = torch.tensor([0.25, 0.75, share, 0.5])
    found = read_cropped(str(tmp_path / "x.jpeg"), PREPROCESSINGS["crop224"], "resized", draws)
    functional = torchvision().transforms.functional
    image = Image.open(tmp_path / "x.jpeg")
    theirs = functional.resized_crop(image, int(0.75 * 79), int(0.25 * 179), 122, 122, [224, 224])
    assert torch.equal(found, functional.pil_to_tensor(theirs))


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.tuples(*[st.floats(0, ALMOST_ONE, width=32)] * 4),
)
def test_rectangles_are_inside_with_the_area_and_the_aspect_drawn(
    size: tuple[int, int], draws: tuple[float, ...]
) -> None:
    width, height = size
    cut = _Recorded(*size)
    _of_any_area(cut, Preprocessing(8), "x", draws)  # pyright: ignore[reportArgumentType]
    left, top, right, bottom = cut.box
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    wanted = (AREA[0] + (AREA[1] - AREA[0]) * draws[2]) * width * height
    aspect = math.exp(math.log(ASPECT[0]) + math.log(ASPECT[1] / ASPECT[0]) * draws[3])
    for side, ideal, most in (
        (right - left, math.sqrt(wanted * aspect), width),
        (bottom - top, math.sqrt(wanted / aspect), height),
    ):
        assert abs(side - min(max(ideal, 1), most)) <= 0.5 + 1e-9


class _Recorded:
    """An image that remembers the box that was cut out of it."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height, self.box = width, height, (0, 0, 0, 0)

    def crop(self, box: tuple[int, int, int, int]) -> Image.Image:
        self.box = box
        return Image.new("RGB", (1, 1))


def test_decoders_and_processes_see_together_what_one_sees(tmp_path: Path) -> None:
    def epoch(split: Files, rank: int = 0, size: int = 1) -> list[torch.Tensor]:
        order = torch.Generator().manual_seed(5)
        return [b.images for b in batches(split, RECIPE, order, Alone(rank, size))]

    alone = epoch(files(tmp_path))
    assert [len(images) for images in alone] == [4, 2]
    for one, other in zip(alone, epoch(files(tmp_path, workers=2)), strict=True):
        assert torch.equal(one, other)
    first, second = epoch(files(tmp_path), 0, 2), epoch(files(tmp_path), 1, 2)
    assert torch.equal(alone[0], torch.cat([first[0], second[0]]))
    centre = files(tmp_path).images
    assert not any(torch.equal(image, own) for image in alone[0] for own in centre)


def test_images_in_memory_are_not_cropped() -> None:
    config = composed("finetune.epochs=1", "+finetune.crop=random")
    cell = cell_settings(config)
    with pytest.raises(TropnncError, match="crop = random is accepted of image files only; shift"):
        check_inputs(cell, machine_settings(config))
    recipe = replace(RECIPE, crop=None)
    assert "crop" not in recipe.determinants()
    assert RECIPE.determinants() == {**recipe.determinants(), "crop": "resized"}
