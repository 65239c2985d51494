"""A sine network that is shared by all images and shifted by the latent of each.

Dupont et al., "COIN++: Neural Compression Across Modalities" (TMLR 2022); relatives.md C1.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tropnnc.errors import TropnncError

OUTPUT_SHIFT = 0.5  # pixels are in [0, 1], a linear layer's outputs are about 0


@dataclass(frozen=True)
class SirenShape:
    """Sizes of the network.

    Attributes:
        layers: all of them, the linear one at the end included.
        width: of the sine layers.
        latent: numbers stored per image.
        channels: of an image.
        frequency: ``ω₀``, the same in all layers.
        dimensions: of a coordinate.
    """

    layers: int
    width: int
    latent: int
    channels: int = 1
    frequency: float = 30.0
    dimensions: int = 2

    def __post_init__(self) -> None:
        sizes = (self.width, self.latent, self.channels, self.dimensions)
        if self.layers < 2 or min(sizes) < 1 or self.frequency <= 0:
            raise TropnncError(f"{self} is not accepted; 2 layers and positive sizes are")

    @property
    def parameters(self) -> int:
        """Of the sine network and of the map from latents to shifts."""
        hidden = self.layers - 2
        siren = (self.dimensions + 1) * self.width + hidden * (self.width + 1) * self.width
        siren += (self.width + 1) * self.channels
        return siren + (self.latent + 1) * self.width * (self.layers - 1)


class ModulatedSiren(nn.Module):
    """``h ← sin(ω₀ (W h + b + s))``, where ``(s_1 … s_{L−1}) = M z + m``; the last layer is linear.

    Everything but the latents is shared by all images. Weights and biases of a layer are drawn from
    ``U(−a, a)``, ``a = 1/d_in`` in the first one and ``√(6/d_in)/ω₀`` in the others.
    """

    def __init__(self, shape: SirenShape) -> None:
        """Fresh weights from torch's current generator."""
        super().__init__()
        self.shape = shape
        sizes = [shape.dimensions, *[shape.width] * (shape.layers - 1), shape.channels]
        pairs = pairwise(sizes)
        self.layers = nn.ModuleList(nn.Linear(inputs, outputs) for inputs, outputs in pairs)
        self.modulation = nn.Linear(shape.latent, shape.width * (shape.layers - 1))
        for index, layer in enumerate(self.linear):
            fan = layer.in_features
            bound = 1 / fan if index == 0 else (6 / fan) ** 0.5 / shape.frequency
            nn.init.uniform_(layer.weight, -bound, bound)
            nn.init.uniform_(layer.bias, -bound, bound)
        bound = shape.latent**-0.5
        nn.init.uniform_(self.modulation.weight, -bound, bound)
        nn.init.uniform_(self.modulation.bias, -bound, bound)

    @property
    def linear(self) -> list[nn.Linear]:
        """The layers, the first one first."""
        return [cast(nn.Linear, layer) for layer in self.layers]

    def shifts(self, latents: Tensor) -> Tensor:
        """Shifts ``[B, L − 1, H]`` of ``latents [B, D]``."""
        return self.modulation(latents).unflatten(1, (-1, self.shape.width))

    def forward(self, points: Tensor, latents: Tensor) -> Tensor:
        """Pixels ``[B, P, C]`` of images with ``latents [B, D]`` at ``points [P, d]``."""
        return self.shifted(points, self.shifts(latents))

    def shifted(self, points: Tensor, shifts: Tensor) -> Tensor:
        """The same by ``shifts [B, L − 1, H]``, which join the biases inside of the factor ω₀."""
        frequency, hidden = self.shape.frequency, points
        *sines, last = self.linear
        for layer, shift in zip(sines, shifts.unbind(1), strict=True):
            hidden = F.linear(hidden, frequency * layer.weight)
            hidden = (hidden + (frequency * (layer.bias + shift)).unsqueeze(1)).sin()
        return last(hidden) + OUTPUT_SHIFT


def grid(height: int, width: int) -> Tensor:
    """Coordinates ``[height · width, 2]`` in ``[0, 1]²``, both ends included, row by row."""
    axes = torch.linspace(0, 1, height), torch.linspace(0, 1, width)
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).flatten(0, 1)
