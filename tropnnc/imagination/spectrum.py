"""Images as amplitudes of waves, in the proportions of natural ones."""

from __future__ import annotations

import torch
from torch import Tensor


class Spectrum:
    """Real Fourier series whose amplitudes are counted in those of natural images, 1/frequency.

    A descent that takes equal steps in these coordinates moves coarse structure further than fine
    structure, as natural images differ from each other (feature visualisation's preconditioning:
    Olah, Mordvintsev and Schubert, "Feature visualization", Distill 2017). In pixels, Adam takes
    equal steps at every frequency, and what it finds is mostly noise.
    """

    def __init__(self, size: tuple[int, int], device: torch.device) -> None:
        """Of images of ``size``, height and width."""
        self._size = size
        height, width = size
        down = torch.fft.fftfreq(height, device=device)[:, None]
        across = torch.fft.rfftfreq(width, device=device)[None]
        amplitude = 1 / torch.hypot(down, across).clamp_min(1 / max(size))
        # Of the outer columns, which are their own mirror images, only the real part of a wave is
        # seen; every other pair of coordinates is there twice.
        seen = torch.where(across % 0.5 == 0, 1.0, 4.0)
        self._amplitude = amplitude / ((amplitude.square() * seen).sum() / (height * width)).sqrt()

    def zeros(self, count: int, channels: int) -> Tensor:
        """Coordinates ``[count, channels, h, w // 2 + 1, 2]`` of black images."""
        shape = (count, channels, *self._amplitude.shape, 2)
        return torch.zeros(shape, device=self._amplitude.device)

    def images(self, coordinates: Tensor) -> Tensor:
        """``[N, C, h, w]``; independent coordinates of variance 1 give pixels of variance 1."""
        waves = torch.view_as_complex(coordinates) * self._amplitude
        return torch.fft.irfft2(waves, s=self._size, norm="ortho")
