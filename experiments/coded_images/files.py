"""JPEG, WebP and JPEG 2000 by Pillow. Headers and tables are part of every file, and counted."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

# Options of the encoders by knob. None of them searches for a rate: the file is what one call of
# the encoder returns, and its size is the size of that file.
_OPTIONS: Mapping[str, Callable[[float], dict[str, Any]]] = {
    "jpeg": lambda quality: {"format": "JPEG", "quality": int(quality), "optimize": True},
    "webp": lambda quality: {"format": "WEBP", "quality": quality, "method": 6},
    "jpeg2000": lambda rate: {
        "format": "JPEG2000",
        "no_jp2": True,
        "irreversible": True,
        "quality_mode": "rates",
        "quality_layers": [rate],
    },
}


def encode_file(image: Tensor, codec: str, knob: float) -> bytes:
    """The file of ``image [C, H, W]`` uint8, grey or RGB."""
    array = image.permute(1, 2, 0).numpy()
    buffer = io.BytesIO()
    Image.fromarray(array.squeeze(2) if array.shape[2] == 1 else array).save(
        buffer, **_OPTIONS[codec](knob)
    )
    return buffer.getvalue()


def decode_file(data: bytes, channels: int) -> Tensor:
    """The image ``[C, H, W]`` uint8 in a file."""
    with Image.open(io.BytesIO(data)) as image:
        array = np.array(image.convert("L" if channels == 1 else "RGB"))
    return torch.from_numpy(array.reshape(*array.shape[:2], channels)).permute(2, 0, 1)
