"""Images through a codec: what comes back, and the bytes that it took."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from baselines.coin import decode, encode, join, split
from experiments.coded_images.files import decode_file, encode_file
from experiments.coded_images.latents import LatentStreams, through_bytes
from experiments.coded_images.nets import CoinNet, coin_net
from experiments.coded_images.pca import fit_basis
from experiments.coded_images.settings import KNOBS, CodedCell, CoinSettings
from experiments.coded_images.sheets import tile, untile
from experiments.data import Dataset
from experiments.settings import Machine
from tropnnc.errors import TropnncError
from tropnnc.unit import Array, IntArray


@dataclass(frozen=True, eq=False)
class Coded:
    """What a codec made of images.

    Attributes:
        images: uint8, decoded from the bytes.
        sizes: bytes of every file or stream: ``[N]``, or ``[1]`` where all share one.
        shared: bytes that the decoder needs beside them, however many images there are.
        facts: of the codec, as plain JSON values.
        timing: seconds of encoding and decoding all of them.
    """

    images: Tensor
    sizes: IntArray
    shared: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    timing: dict[str, float] = field(default_factory=dict)


def through_codec(cell: CodedCell, dataset: Dataset, machine: Machine) -> Coded:
    """The cell's test images coded and decoded.

    Raises:
        TropnncError: a setting that the codec does not accept.
    """
    if cell.images > len(dataset.test):
        raise TropnncError(
            f"images = {cell.images} is not accepted; {cell.dataset} has {len(dataset.test):,}"
        )
    images = _first(dataset.test.images, cell.images)
    if cell.coding.codec == "original":
        return Coded(images, np.full(len(images), images[0].numel()))
    if cell.coding.codec == "pca":
        return _by_pca(cell, dataset, images)
    if cell.coding.codec == "coin":
        return _by_coin(cell, dataset, images, machine)
    return _by_files(cell, images)


def _by_files(cell: CodedCell, images: Tensor) -> Coded:
    codec = cell.coding.codec
    sheet = cell.coding.layout == "sheet"
    knob = cell.coding[KNOBS[codec][0]]
    start = time.perf_counter()
    files = [encode_file(each, codec, knob) for each in (tile(images) if sheet else images)]
    middle = time.perf_counter()
    decoded = torch.stack([decode_file(data, images.shape[1]) for data in files])
    timing = _timing(middle - start, time.perf_counter() - middle)
    whole = untile(decoded, images) if sheet else decoded
    return Coded(whole, np.array([len(data) for data in files]), timing=timing)


def _by_pca(cell: CodedCell, dataset: Dataset, images: Tensor) -> Coded:
    train = _first(dataset.train.images, cell.fitted)
    basis = fit_basis(train, cell.coding["components"])
    start = time.perf_counter()
    latents = basis.project(images)
    streams = _streams(cell, latents, basis.project(train), per_component=True)
    middle = time.perf_counter()
    restored = basis.restore(streams.latents, images)
    timing = _timing(middle - start, time.perf_counter() - middle)
    shared = basis.stored_bytes + streams.shared
    return Coded(restored, streams.sizes, shared, {"ideal_bits": streams.ideal}, timing)


def _by_coin(cell: CodedCell, dataset: Dataset, images: Tensor, machine: Machine) -> Coded:
    assert cell.coin is not None
    net = _net(cell.coin, dataset, machine)
    steps = cell.coding["steps"]
    train, _ = _encoded(net, cell.coin, _first(dataset.train.images, cell.fitted), steps)
    latents, seconds = _encoded(net, cell.coin, images, steps)
    streams = _streams(cell, latents, train, per_component=False)
    start = time.perf_counter()
    patch = cell.coin.patch
    size = (images.shape[2], images.shape[3])
    flat = torch.from_numpy(streams.latents).float().to(net.device)
    restored = decode(net.model, flat.view(-1, cell.coin.shape.latent), *(patch or size)).cpu()
    timing = _timing(seconds, time.perf_counter() - start)
    whole = restored if patch is None else join(restored, size)
    facts = {"ideal_bits": streams.ideal, "training_seconds": net.seconds}
    return Coded(whole, streams.sizes, len(net.stored) + streams.shared, facts, timing)


def _streams(cell: CodedCell, latents: Array, train: Array, per_component: bool) -> LatentStreams:
    return through_bytes(latents, train, cell.coding["bits"], cell.coding.layout, per_component)


@lru_cache(maxsize=1)
def _net(settings: CoinSettings, dataset: Dataset, machine: Machine) -> CoinNet:
    return coin_net(settings, dataset, machine)


@lru_cache(maxsize=4)
def _encoded(
    net: CoinNet, settings: CoinSettings, images: Tensor, steps: int
) -> tuple[Array, float]:
    """Latents ``[N, k · D]`` of all patches of each image, and seconds; kept for other bits."""
    start = time.perf_counter()
    patches = images if settings.patch is None else split(images, settings.patch)
    latents = encode(net.model, patches, steps, settings.training.inner_rate)
    flat = latents.view(len(images), -1).cpu().double().numpy()
    return flat, time.perf_counter() - start


@lru_cache(maxsize=4)
def _first(images: Tensor, count: int) -> Tensor:
    """One object for all cells: what is computed of it is kept by it."""
    return images[:count]


def _timing(encoding: float, decoding: float) -> dict[str, float]:
    return {"encode_seconds": round(encoding, 3), "decode_seconds": round(decoding, 3)}
