"""Random pixels with random labels, for what does not ask whether a network has learnt."""

from __future__ import annotations

import torch

from experiments.data import Split


def random_split(images: int, seed: int = 0) -> Split:
    """So many colour images of 32 × 32, in 10 classes."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(256, (images, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return Split(pixels, torch.randint(10, (images,), generator=generator))
