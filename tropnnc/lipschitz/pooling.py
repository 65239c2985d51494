"""Lipschitz constants (ℓ2 → ℓ2) of pooling, for maps ``[channels, height, width]``.

Max-pooling: each output moves by at most the largest move in its window, so the squares add up to
at most (number of windows an input is in) × ‖difference‖². Average pooling is linear and separable:
the product of two exact spectral norms.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from tropnnc.lipschitz.spectral import spectral_norm

Pair = tuple[int, int]


def max_pool(kernel: Pair, stride: Pair, dilation: Pair) -> float:
    """``√overlap``: how many windows one input can be in, whatever the padding."""
    # Taps j with x − j·d on the stride's grid are s/gcd(s, d) apart.
    return math.sqrt(
        math.prod(
            math.ceil(k / (s // math.gcd(s, d)))
            for k, s, d in zip(kernel, stride, dilation, strict=True)
        )
    )


def avg_pool(
    size: Pair,
    kernel: Pair,
    stride: Pair,
    padding: Pair,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor: int | None = None,
) -> float:
    """Exact norm of average pooling on maps of ``size``."""
    norm = 1.0
    for length, k, s, p in zip(size, kernel, stride, padding, strict=True):
        line = torch.eye(length, dtype=torch.float64)
        windows = F.avg_pool1d(line, k, s, p, ceil_mode, count_include_pad)
        if divisor is not None:
            windows = (windows > 0).double()
        norm *= float(spectral_norm(windows.numpy()))
    return norm if divisor is None else norm / abs(divisor)


def adaptive_avg_pool(size: Pair, outputs: Pair) -> float:
    """Exact norm of adaptive average pooling."""
    return math.prod(
        float(spectral_norm(_windows(n, out).numpy())) for n, out in _zip(size, outputs)
    )


def adaptive_max_pool(size: Pair, outputs: Pair) -> float:
    """``√overlap`` of the adaptive windows."""
    overlaps = (int((_windows(n, out) > 0).sum(dim=1).max()) for n, out in _zip(size, outputs))
    return math.sqrt(math.prod(overlaps))


def _zip(size: Pair, outputs: Pair) -> zip[tuple[int, int]]:
    return zip(size, outputs, strict=True)


def _windows(length: int, outputs: int) -> torch.Tensor:
    """Adaptive averages along one dimension, ``[length, outputs]``."""
    return F.adaptive_avg_pool1d(torch.eye(length, dtype=torch.float64), outputs)
