"""Many small images as one picture, so that they share a file's header and tables."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 16  # of chroma-subsampled JPEG and WebP, in pixels: cells are whole blocks
ASPECT = 1.6


def tile(images: Tensor) -> Tensor:
    """The sheet ``[1, C, H, W]`` of ``images [N, C, h, w]``, row by row.

    Cells are padded to whole blocks by their edges: 28 × 28 becomes 32 × 32. What is left of the
    last row is black.
    """
    cells = F.pad(images.float(), _padding(images), mode="replicate").to(images.dtype)
    count, columns = len(cells), _columns(len(cells))
    rows = -(-count // columns)
    blank = cells.new_zeros(rows * columns - count, *cells.shape[1:])
    grid = torch.cat([cells, blank]).unflatten(0, (rows, columns))
    return grid.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2).unsqueeze(0)


def untile(sheet: Tensor, like: Tensor) -> Tensor:
    """The images of a sheet, as many and as large as those in ``like [N, C, h, w]``."""
    left, right, top, bottom = _padding(like)
    height, width = like.shape[2] + top + bottom, like.shape[3] + left + right
    cells = sheet[0].unfold(1, height, height).unfold(2, width, width)
    cells = cells.permute(1, 2, 0, 3, 4).flatten(0, 1)[: len(like)]
    return cells[:, :, top : top + like.shape[2], left : left + like.shape[3]].contiguous()


def _columns(count: int) -> int:
    """40 of 1,000 cells."""
    return math.ceil((ASPECT * count) ** 0.5)


def _padding(images: Tensor) -> tuple[int, int, int, int]:
    """Left, right, top, bottom."""
    below, right = (-size % BLOCK for size in images.shape[2:])
    return right // 2, right - right // 2, below // 2, below - below // 2
