"""{−1,+1} branches of M-bit codes, and dot products of them by counting bits.

Sun et al., AAAI 2019, eq. 9, 10 and 18 (relatives.md A2): ``2c − L = Σ 2^{m−1} b_m`` with
``b_m = ±1`` the m-th bit of c, the lowest first. Operation counts may be reported, speed may not:
numpy's bit counts are slower than one float product.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tropnnc.unit import IntArray

Bytes = NDArray[np.uint8]


def branches(codes: Bytes, width: int) -> NDArray[np.int8]:
    """±1 of every bit, ``[M, …]``."""
    return (2 * _bits(codes, width).astype(np.int8) - 1).astype(np.int8)


def odd_integers(signs: NDArray[np.int8]) -> IntArray:
    """``Σ 2^{m−1} b_m`` of branches ``[M, …]``, which is ``2c − L``."""
    weights = 1 << np.arange(len(signs), dtype=np.int64)
    return np.tensordot(weights, signs.astype(np.int64), axes=1)


def popcount_product(first: Bytes, second: Bytes, widths: tuple[int, int]) -> IntArray:
    """``Σ_i (2x_i − L_x)(2w_i − L_w)`` of codes ``[b, N]`` and ``[o, N]``, ``[b, o]``.

    A product of branches of length N is ``N − 2·popcount(x XOR w)``; there are M·K of them.
    """
    length = first.shape[1]
    rows, columns = (
        np.packbits(_bits(codes, width), axis=-1)
        for codes, width in zip((first, second), widths, strict=True)
    )
    total = np.zeros((len(first), len(second)), dtype=np.int64)
    for m, row in enumerate(rows):
        for k, column in enumerate(columns):
            differing = np.bitwise_count(row[:, None] ^ column).sum(axis=-1, dtype=np.int64)
            total += (length - 2 * differing) << (m + k)
    return total


def _bits(codes: Bytes, width: int) -> Bytes:
    """0 and 1, ``[M, …]``, the lowest bit first."""
    return np.stack([codes >> m for m in range(width)]).astype(np.uint8) & np.uint8(1)
