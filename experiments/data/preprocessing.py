"""From an image file to pixels of one size, by a named pre-processing."""

from __future__ import annotations

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
    try:
        with Image.open(path) as image:
            pixels = _applied(image.convert("RGB"), preprocessing, path)
    except _UNREADABLE as error:
        raise TropnncError(f"{path}: not a readable image ({error})") from error
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)


def _applied(image: Image.Image, preprocessing: Preprocessing, path: str) -> Image.Image:
    if preprocessing.resize is not None:
        size = _resized(image.size, preprocessing.resize, preprocessing.warp)
        image = image.resize(size, Image.Resampling.BILINEAR)
    side = preprocessing.crop
    if min(image.size) < side:
        width, height = image.size
        raise TropnncError(f"{path}: {width} × {height} pixels, {side} × {side} are cut out of it")
    left, top = (round((length - side) / 2) for length in image.size)
    return image.crop((left, top, left + side, top + side))


def _resized(size: tuple[int, int], side: int, warp: bool) -> tuple[int, int]:
    """Width and height; the longer side is rounded down, as torchvision does."""
    if warp:
        return side, side
    width, height = size
    longer = int(side * max(size) / min(size))
    return (side, longer) if width <= height else (longer, side)
