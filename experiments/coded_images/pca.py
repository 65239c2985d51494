"""Principal components of training images: the linear counterpart of a shared network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from tropnnc.errors import TropnncError
from tropnnc.unit import Array


@dataclass(frozen=True, eq=False)
class Basis:
    """Mean ``[P]`` and orthonormal rows ``[D, P]``, float32: what is stored and shared."""

    mean: Tensor
    rows: Tensor

    @property
    def stored_bytes(self) -> int:
        """As float32."""
        return 4 * (self.mean.numel() + self.rows.numel())

    def project(self, images: Tensor) -> Array:
        """Latents ``[N, D]`` float64 of uint8 ``images [N, C, H, W]``."""
        centred = images.flatten(1).double() - self.mean.double()
        return (centred @ self.rows.double().T).numpy()

    def restore(self, latents: Array, like: Tensor) -> Tensor:
        """Images uint8 in the shape of ``like [N, C, H, W]``."""
        pixels = torch.from_numpy(latents) @ self.rows.double() + self.mean.double()
        return pixels.round().clamp(0, 255).to(torch.uint8).view(like.shape)


def fit_basis(images: Tensor, components: int) -> Basis:
    """The first ``components`` of uint8 ``images [N, C, H, W]``, by the covariance in float64.

    Raises:
        TropnncError: more components than pixels.
    """
    pixels = images[0].numel()
    if not 1 <= components <= pixels:
        raise TropnncError(f"components = {components} is not accepted; 1 to {pixels} are")
    mean, rows = _eigenvectors(images)
    return Basis(mean.float(), rows[:components].float())


@lru_cache(maxsize=1)
def _eigenvectors(images: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and all directions, the largest variance first; kept for the cells that follow."""
    values = images.flatten(1).double()
    mean = values.mean(dim=0)
    centred = values - mean
    _, vectors = np.linalg.eigh((centred.T @ centred).numpy())
    return mean, torch.from_numpy(vectors[:, ::-1].T.copy())
