"""Latents to bytes and back: what COIN++ and PCA have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from baselines.coin import EntropyCoder, Quantiser, fit_coder, fit_quantiser
from experiments.coded_images.settings import FLOAT_BITS
from tropnnc.errors import TropnncError
from tropnnc.unit import Array, IntArray

COUNT_BYTES = FLOAT_BYTES = 4


@dataclass(frozen=True, eq=False)
class LatentStreams:
    """Coded latents.

    Attributes:
        latents: ``[N, D]`` float64, as decoded from the bytes.
        sizes: bytes of each stream: ``[N]``, or ``[1]`` where all share one.
        shared: bytes of mean, deviation and histogram.
        ideal: bits of all symbols by the histogram, which a perfect coder would need.
    """

    latents: Array
    sizes: IntArray
    shared: int
    ideal: float


def through_bytes(
    latents: Array, train: Array, bits: int, layout: str, per_component: bool
) -> LatentStreams:
    """``latents [N, D]`` coded by what ``train [M, D]`` says, and decoded again.

    ``layout``: a stream for each image or one ``sheet`` for all. 32 bits are plain floats.

    Raises:
        TropnncError: bits that are not accepted.
    """
    if bits == FLOAT_BITS:
        return _plain(latents, layout)
    quantiser = fit_quantiser(train, bits, per_component)
    coder = fit_coder(quantiser.quantise(train), quantiser.levels)
    symbols = quantiser.quantise(latents)
    parts = symbols if layout == "image" else symbols.reshape(1, -1)
    streams = [coder.encode(part) for part in parts]
    decoded = [coder.decode(data, part.size) for data, part in zip(streams, parts, strict=True)]
    restored = np.concatenate(decoded).reshape(symbols.shape)
    if not np.array_equal(restored, symbols):
        raise TropnncError("the range coder did not give its symbols back")
    sizes = np.array([len(data) for data in streams])
    shared, ideal = _tables(quantiser, coder), coder.cross_entropy(symbols)
    return LatentStreams(quantiser.restore(restored), sizes, shared, ideal)


def _tables(quantiser: Quantiser, coder: EntropyCoder) -> int:
    floats = quantiser.mean.size + quantiser.deviation.size
    return FLOAT_BYTES * floats + COUNT_BYTES * coder.counts.size


def _plain(latents: Array, layout: str) -> LatentStreams:
    single = latents.astype(np.float32)
    each = FLOAT_BYTES * single.shape[1]
    sizes = [each] * len(single) if layout == "image" else [each * len(single)]
    return LatentStreams(single.astype(np.float64), np.array(sizes), 0, 8.0 * each * len(single))
