"""Gram matrix of what the neurons of a unit add to sampled outputs of its consumers."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from tropnnc.unit import Array, Calibration, Consumer, ConvGeometry, IntArray, Point, Unit


def contribution_gram(
    unit: Unit, calibration: Calibration, samples_per_image: int, rng: np.random.Generator
) -> Array:
    """Gram matrix ``XᵀX [n, n]`` of the contributions, summed over consumers.

    For each image ``samples_per_image`` pairs (output channel o, location) of each consumer are
    drawn; a pair's row is ``X_c = Σ_p C[o, c, p]·h[c, patch_p]``. The draws are consecutive, so
    they do not depend on how the images are batched.
    """
    gram = np.zeros((unit.neurons, unit.neurons))
    for index, consumer in enumerate(unit.consumers):
        for (hidden,) in calibration.stream(Point("consumer_input", consumer=index)):
            draws = rng.random((len(hidden), samples_per_image, 3))
            rows = _contributions(consumer, hidden.double().cpu(), draws)
            gram += rows.T @ rows
    return gram


def _contributions(consumer: Consumer, hidden: torch.Tensor, draws: Array) -> Array:
    """Rows ``X [b·samples, n]`` for ``draws [b, samples, 3]`` in [0, 1): channel, row, column."""
    channels = _scaled(draws[..., 0], consumer.outgoing.shape[0])
    if consumer.geometry is None:
        patches = hidden.numpy()[:, None]
    else:
        patches = sampled_patches(consumer.geometry, hidden, draws[..., 1], draws[..., 2])
    rows = (consumer.outgoing[channels] * patches).sum(axis=-1)
    return rows.reshape(-1, rows.shape[-1])


def sampled_patches(
    geometry: ConvGeometry, hidden: torch.Tensor, vertical: Array, horizontal: Array
) -> NDArray[np.floating]:
    """Patches ``[b, samples, n, taps]`` of ``hidden [b, n, height, width]`` at random places."""
    mode = "constant" if geometry.padding_mode == "zeros" else geometry.padding_mode
    padded = F.pad(hidden, geometry.padding, mode=mode).numpy()
    rows = _positions(geometry, padded.shape[2], 0, vertical)[..., :, None]
    columns = _positions(geometry, padded.shape[3], 1, horizontal)[..., None, :]
    images = np.arange(len(padded))[:, None, None, None]
    # Indices on both sides of the slice put the channels last: [b, samples, kh, kw, n].
    patches = np.moveaxis(padded[images, :, rows, columns], -1, 2)
    return patches.reshape(*patches.shape[:3], -1)


def _positions(geometry: ConvGeometry, size: int, axis: int, draws: Array) -> IntArray:
    """Coordinates ``[b, samples, kernel]`` of the taps of randomly placed kernels on one axis."""
    offsets = np.arange(geometry.kernel_size[axis]) * geometry.dilation[axis]
    places = (size - 1 - offsets[-1]) // geometry.stride[axis] + 1
    return (_scaled(draws, places) * geometry.stride[axis])[..., None] + offsets


def _scaled(draws: Array, size: int) -> IntArray:
    """Uniform integers below ``size`` from uniform numbers in [0, 1)."""
    return (draws * size).astype(np.int64)
