"""A contact sheet: images to look at."""

from __future__ import annotations

import io
from math import ceil, sqrt

import numpy as np
from PIL import Image
from torch import Tensor

from tropnnc.unit import Pixels

SHOWN, GAP = 100, 2


def contact_sheet(images: Tensor, pixels: Pixels) -> bytes:
    """A PNG of the first 100 of ``images [N, C, h, w]`` in rows, 2 pixels apart.

    The range of every channel goes from black to white. Three channels are red, green and blue;
    of any other number the first is shown in grey.
    """
    tiles = images[:SHOWN].numpy()
    low, high = (np.reshape(bound, (-1, 1, 1)) for bound in (pixels.low, pixels.high))
    shades = np.clip(np.rint(255 * (tiles - low) / (high - low)), 0, 255).astype(np.uint8)
    shades = shades if shades.shape[1] == 3 else shades[:, :1]
    count, channels, height, width = shades.shape
    columns = ceil(sqrt(count))
    rows = ceil(count / columns)
    sheet = np.full((rows * (height + GAP), columns * (width + GAP), channels), 255, np.uint8)
    for index, tile in enumerate(shades):
        top, left = (height + GAP) * (index // columns), (width + GAP) * (index % columns)
        sheet[top : top + height, left : left + width] = tile.transpose(1, 2, 0)
    return _png(sheet[:-GAP, :-GAP])


def _png(sheet: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(sheet if sheet.shape[2] == 3 else sheet[..., 0]).save(buffer, format="PNG")
    return buffer.getvalue()
