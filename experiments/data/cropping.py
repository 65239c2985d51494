"""The part of an image that one step of a training sees, by four uniform numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from PIL import Image
from torch import Tensor

from experiments.data.preprocessing import Preprocessing, read_rgb, resized, square_at, to_pixels
from experiments.training_settings import Crop

Draws = tuple[float, ...]
# Of torchvision's recipes: the share of the image's area, and width over height.
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)


def read_cropped(path: str, preprocessing: Preprocessing, crop: Crop, draws: Tensor) -> Tensor:
    """A random part of an image file, pixels ``[3, side, side]`` uint8.

    Args:
        path: of the file.
        preprocessing: its square's side; ``random`` also resizes as it says.
        crop: ``random``, the square anywhere in the resized image; or ``resized``, a rectangle of
            random area and aspect ratio anywhere in the image as it is, resized to the square.
        draws: ``[4]``, uniform in [0, 1).

    Raises:
        TropnncError: not a readable image, or smaller than the square.
    """
    return to_pixels(_CROPS[crop](read_rgb(path), preprocessing, path, tuple(draws.tolist())))


def _anywhere(
    image: Image.Image, preprocessing: Preprocessing, path: str, draws: Draws
) -> Image.Image:
    image = resized(image, preprocessing)
    return square_at(image, preprocessing.crop, path, lambda room: _place(room, draws))


def _of_any_area(
    image: Image.Image, preprocessing: Preprocessing, path: str, draws: Draws
) -> Image.Image:
    """Torchvision draws again what does not fit; here the side that is too long is cut off."""
    area = image.width * image.height * _between(*AREA, draws[2])
    aspect = math.exp(_between(math.log(ASPECT[0]), math.log(ASPECT[1]), draws[3]))
    width = min(max(round(math.sqrt(area * aspect)), 1), image.width)
    height = min(max(round(math.sqrt(area / aspect)), 1), image.height)
    left, top = _place((image.width - width, image.height - height), draws)
    part = image.crop((left, top, left + width, top + height))
    return part.resize((preprocessing.crop, preprocessing.crop), Image.Resampling.BILINEAR)


def _place(room: tuple[int, int], draws: Draws) -> tuple[int, int]:
    """Left and top of a rectangle with ``room`` to both sides, every place equally likely."""
    return int(draws[0] * (room[0] + 1)), int(draws[1] * (room[1] + 1))


def _between(low: float, high: float, draw: float) -> float:
    return low + (high - low) * draw


_CROPS: Mapping[Crop, Callable[[Image.Image, Preprocessing, str, Draws], Image.Image]] = {
    "random": _anywhere,
    "resized": _of_any_area,
}
