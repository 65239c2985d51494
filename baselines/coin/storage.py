"""What decoder and encoder share, as bytes, and the bits per pixel that it adds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from tropnnc.errors import TropnncError


def pack(state: Mapping[str, Tensor]) -> bytes:
    """The tensors' float32 bytes one after another; names and shapes follow from the sizes."""
    return b"".join(t.detach().cpu().float().contiguous().numpy().tobytes() for t in state.values())


def unpack(data: bytes, like: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of :func:`pack`, in the order and the shapes of ``like``.

    Raises:
        TropnncError: another number of bytes.
    """
    values = torch.from_numpy(np.frombuffer(data, np.uint8).copy())
    sizes = [4 * tensor.numel() for tensor in like.values()]
    if len(data) != sum(sizes):
        raise TropnncError(f"{len(data)} bytes are not accepted; these sizes have {sum(sizes)}")
    parts = [part.view(torch.float32) for part in values.split(sizes)]
    return {name: part.view(like[name].shape) for name, part in zip(like, parts, strict=True)}


def bits_per_pixel(size: int, images: int, pixels: int) -> float:
    """Bits per pixel (not per channel) of ``size`` bytes for ``images`` of ``pixels`` each."""
    return 8 * size / (images * pixels)
