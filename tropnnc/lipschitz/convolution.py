"""Operator norms of convolutions, frequency by frequency.

A zero-padded convolution is a part of the full correlation: rows that a stride or a small padding
leaves out only lower the norm, and padding beyond the kernel adds rows of zeros. On a torus at
least ``input + (kernel − 1)·dilation`` wide the full correlation does not wrap, so the circular
convolution there dominates it. The Fourier transform makes that one block diagonal: its norm is the
largest ``‖Σ_p K_p e^{−2πi f·p·d/N}‖₂`` over the frequencies f. Sedghi, Gupta and Long, "The
Singular Values of Convolutional Layers", ICLR 2019, for the circular case.

A linear layer is the convolution with one tap on the torus of one point (:data:`POINT`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from tropnnc.clustering import one_thread
from tropnnc.lipschitz.spectral import Matrices, largest_singular, small_gram
from tropnnc.unit import Array, ConvGeometry


@dataclass(frozen=True)
class Torus:
    """Where the dominating circular convolution lives.

    Attributes:
        size: ``(height, width)``.
        dilation: of the kernel, ``(vertical, horizontal)``.
        gain: norm of the padding as a linear map; 1 for zeros, ``√c`` where reflection,
            replication or wrapping copies an input to at most ``c`` places.
    """

    size: tuple[int, int]
    dilation: tuple[int, int] = (1, 1)
    gain: float = 1.0


POINT = Torus((1, 1))


def torus_for(geometry: ConvGeometry, height: int, width: int) -> Torus:
    """The smallest torus that serves a convolution of inputs ``height × width``."""
    gain = 1.0
    if geometry.padding_mode != "zeros":
        left, right, top, bottom = geometry.padding
        gain = math.sqrt(_copies(geometry, height, width))
        height, width = height + top + bottom, width + left + right
    size = [
        # One tap has the same response at every frequency, up to a phase.
        1 if kernel == 1 else length + (kernel - 1) * dilation
        for length, kernel, dilation in zip(
            (height, width), geometry.kernel_size, geometry.dilation, strict=True
        )
    ]
    return Torus((size[0], size[1]), geometry.dilation, gain)


def _copies(geometry: ConvGeometry, height: int, width: int) -> int:
    """How many places of the padded map one input reaches at most."""
    index = torch.arange(height * width, dtype=torch.float64).reshape(1, 1, height, width)
    padded = F.pad(index, geometry.padding, mode=geometry.padding_mode)
    return int(padded.long().flatten().bincount().max())


def expand_groups(kernel: Array, groups: int) -> Array:
    """The kernel ``[m, n/groups, height, width]`` of a grouped convolution as ``[m, n, …]``."""
    if groups == 1:
        return kernel
    rows, columns, *taps = kernel.shape
    dense = np.zeros((groups, rows // groups, groups, columns, *taps))
    for group, part in enumerate(kernel.reshape(groups, -1, columns, *taps)):
        dense[group, :, group] = part
    return dense.reshape(rows, groups * columns, *taps)


def operator_norm(kernel: Array, torus: Torus, groups: int = 1) -> float:
    """Upper bound on the ℓ2 norm of the convolution with ``kernel [m, n/groups, height, width]``.

    Exact for one tap, and for a circular convolution on ``torus``. Groups act side by side: the
    largest norm of any.
    """
    scale = float(np.abs(kernel).max(initial=0.0))
    if scale == 0:
        return 0.0
    parts = (kernel / scale).reshape(groups, -1, *kernel.shape[1:])
    # Pinned once: doing so for every frequency takes longer than the frequency.
    with one_thread():
        return torus.gain * scale * max(_circular_norm(part, torus) for part in parts)


def _circular_norm(kernel: Array, torus: Torus) -> float:
    largest = 0.0
    for response in responses(kernel, torus):
        # ‖M‖₂ ≤ ‖MMᴴ‖_F^½ is cheap: an eigendecomposition only where that does not settle it.
        above = np.sqrt(np.linalg.norm(small_gram(response), axis=(1, 2)))
        candidates = response[above > largest]
        if len(candidates):
            largest = max(largest, float(largest_singular(candidates).max()))
    return largest


def row_norms(kernel: Array, torus: Torus) -> Array:
    """Upper bound ``[m]`` on the norm of the convolution that computes each output channel."""
    return torus.gain * _largest(kernel, torus, axis=2)


def column_norms(kernel: Array, torus: Torus) -> Array:
    """Upper bound ``[n]`` on the norm of the convolution that each input channel alone feeds.

    Never above ``Σ_p ‖K_{:,i,p}‖``, the sum over taps.
    """
    return torus.gain * _largest(kernel, torus, axis=1)


def _largest(kernel: Array, torus: Torus, axis: int) -> Array:
    with one_thread():
        norms = [np.linalg.norm(r, axis=axis).max(axis=0) for r in responses(kernel, torus)]
    return np.maximum.reduce(norms)


def responses(kernel: Array, torus: Torus) -> Iterator[Matrices]:
    """``Σ_p K_p e^{−2πi f·p·d/N}`` as ``[frequencies, m, n]``, one vertical frequency at a time.

    A real kernel's response at −f is the conjugate of that at f: half of the horizontal
    frequencies suffice.
    """
    if kernel.shape[2:] == (1, 1):
        yield kernel[None, :, :, 0, 0]
        return
    (height, width), (down, across) = torus.size, torus.dilation
    vertical = _phases(height, height, kernel.shape[2], down)
    horizontal = _phases(width // 2 + 1, width, kernel.shape[3], across)
    for phase in vertical:
        line = np.tensordot(kernel, phase, axes=([2], [0]))
        yield np.moveaxis(line @ horizontal.T, 2, 0)


def _phases(frequencies: int, size: int, taps: int, dilation: int) -> Matrices:
    """``e^{−2πi f·p·d/N}``, ``[frequencies, taps]``."""
    angles = np.outer(np.arange(frequencies), np.arange(taps)) * dilation
    return np.exp(-2j * np.pi * (angles % size) / size)
