"""From an image file to pixels of one size, by a named pre-processing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tropnnc.errors import TropnncError

# What Pillow raises on a file that is no image, is cut short or has broken chunks.
_UNREADABLE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Preprocessing:
    """An optional resize (bilinear, antialiased), then a central square.

    Attributes:
        crop: side of the square.
        resize: of the shorter side, or of both.
        warp: resize to a square, whatever the aspect ratio was.
    """

    crop: int
    resize: int | None = None
    warp: bool = False


# Accuracies published for one checkpoint differ by this: ThiNet's VGG-16 has 68.34 % of images
# warped to 256 × 256 and 71.50 % of images resized by their shorter side (baselines.md, 3.1).
PREPROCESSINGS = {
    "crop224": Preprocessing(224),
    "resize256_crop224": Preprocessing(224, resize=256),
    "warp256_crop224": Preprocessing(224, resize=256, warp=True),
    "warp224": Preprocessing(224, resize=224, warp=True),
}


def read_image(path: str, preprocessing: Preprocessing) -> Tensor:
    """The pixels ``[3, crop, crop]`` uint8 of an image file.

    Raises:
        TropnncError: not a readable image, or smaller than the square.
    """
    image = resized(read_rgb(path), preprocessing)
    return to_pixels(square_at(image, preprocessing.crop, path, _centre))


def read_rgb(path: str) -> Image.Image:
    """The image in a file, three channels.

    Raises:
        TropnncError: not a readable image.
    """
    try:
        with Image.open(path) as image:
            return image.convert("RGB")
    except _UNREADABLE as error:
        raise TropnncError(f"{path}: not a readable image ({error})") from error


def resized(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    """``image`` before the square is cut out of it."""
    if preprocessing.resize is None:
        return image
    size = _resized(image.size, preprocessing.resize, preprocessing.warp)
    return image.resize(size, Image.Resampling.BILINEAR)


def square_at(
    image: Image.Image,
    side: int,
    path: str,
    place: Callable[[tuple[int, int]], tuple[int, int]],
) -> Image.Image:
    """The square of ``side`` whose left and top ``place`` chooses, given the room there is.

    Raises:
        TropnncError: the image, read from ``path``, is smaller than the square.
    """
    width, height = image.size
    if min(image.size) < side:
        raise TropnncError(f"{path}: {width} × {height} pixels, {side} × {side} are cut out of it")
    left, top = place((width - side, height - side))
    return image.crop((left, top, left + side, top + side))


def to_pixels(image: Image.Image) -> Tensor:
    """``[3, H, W]`` uint8."""
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def _centre(room: tuple[int, int]) -> tuple[int, int]:
    return round(room[0] / 2), round(room[1] / 2)


def _resized(size: tuple[int, int], side: int, warp: bool) -> tuple[int, int]:
    """Width and height; the longer side is rounded down, as torchvision does."""
    if warp:
        return side, side
    width, height = size
    longer = int(side * max(size) / min(size))
    return (side, longer) if width <= height else (longer, side)
