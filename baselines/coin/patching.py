"""Large images as patches that do not overlap, each with a latent of its own."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from tropnnc.errors import TropnncError

Size = tuple[int, int]


def split(images: Tensor, patch: Size) -> Tensor:
    """Patches ``[N · k, C, *patch]`` of ``images [N, C, H, W]``, row by row.

    Bottom and right edge are reflected up to a multiple of the patch.

    Raises:
        TropnncError: a patch that does not fit or whose padding would not.
    """
    height, width = images.shape[2:]
    below, right = -height % patch[0], -width % patch[1]
    if min(patch) < 1 or below >= height or right >= width:
        raise TropnncError(f"patches of {patch} are not accepted of images {height} × {width}")
    padded = F.pad(images.float(), (0, right, 0, below), mode="reflect").to(images.dtype)
    tiles = padded.unfold(2, patch[0], patch[0]).unfold(3, patch[1], patch[1])
    return tiles.permute(0, 2, 3, 1, 4, 5).flatten(0, 2).contiguous()


def join(patches: Tensor, size: Size) -> Tensor:
    """Images ``[N, C, *size]`` of their :func:`split` patches, the padding cut off."""
    height, width = patches.shape[2:]
    rows, columns = -(-size[0] // height), -(-size[1] // width)
    tiles = patches.unflatten(0, (-1, rows, columns)).permute(0, 3, 1, 4, 2, 5)
    whole = tiles.flatten(4, 5).flatten(2, 3)
    return whole[:, :, : size[0], : size[1]].contiguous()
