"""Images as sums of waves whose amplitudes fall with the frequency."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tropnnc.imagination.spectrum import Spectrum

CPU = torch.device("cpu")


@pytest.mark.parametrize("size", [(4, 4), (4, 5), (5, 4), (1, 6), (6, 1), (1, 1), (16, 12)])
def test_independent_coordinates_give_pixels_of_variance_1(size: tuple[int, int]) -> None:
    """Exactly: the map is linear, so the variance of a pixel is the sum of its squares."""
    spectrum = Spectrum(size, CPU)
    inputs = spectrum.zeros(1, 1).numel()
    basis = torch.eye(inputs).reshape(inputs, *spectrum.zeros(1, 1).shape[1:])
    variance = spectrum.images(basis).square().sum(0)
    torch.testing.assert_close(variance, torch.ones_like(variance))


def test_amplitudes_fall_with_the_frequency() -> None:
    """Of a wave along a line, against the lowest one; the mean has the amplitude of the lowest."""
    spectrum = Spectrum((16, 16), CPU)
    waves = spectrum.zeros(6, 1)
    for wave, across in enumerate((0, 1, 2, 3, 5, 7)):
        waves[wave, 0, 0, across, 0] = 1
    power = spectrum.images(waves).square().mean((1, 2, 3)).sqrt().numpy()
    # The power of a cosine is half its squared amplitude, and it is there twice.
    np.testing.assert_allclose(
        power / power[1], [1 / np.sqrt(2), 1, 1 / 2, 1 / 3, 1 / 5, 1 / 7], rtol=1e-5
    )


def test_no_coordinates_are_black_images() -> None:
    spectrum = Spectrum((6, 7), CPU)
    assert torch.equal(spectrum.images(spectrum.zeros(2, 3)), torch.zeros(2, 3, 6, 7))
