"""Measure one cell: bytes, errors per image, which images each network gets right."""

from __future__ import annotations

import base64
import time
import zlib
from typing import Any

import numpy as np
from torch import Tensor

from experiments.coded_images.classifiers import evaluate_on
from experiments.coded_images.codecs import Coded, through_codec
from experiments.coded_images.settings import CodedCell
from experiments.data import Dataset
from experiments.settings import Machine
from tropnnc.errors import TropnncError
from tropnnc.unit import IntArray


def measure_cell(cell: CodedCell, dataset: Dataset, machine: Machine) -> dict[str, Any]:
    """The body of the cell's record.

    Raises:
        TropnncError: a setting that the codec does not accept.
    """
    coded = through_codec(cell, dataset, machine)
    start = time.perf_counter()
    labels = dataset.test.labels[: cell.images]
    looked = [
        {**each.determinants(), **evaluate_on(each, coded.images, labels, machine).record()}
        for each in cell.classifiers
    ]
    seconds = round(time.perf_counter() - start, 3)
    return {
        **_sizes(coded, dataset.test.images[: cell.images]),
        "accuracy": looked,
        "facts": coded.facts,
        "timing": {**coded.timing, "classify_seconds": seconds},
    }


def squared_errors(images: Tensor, decoded: Tensor) -> IntArray:
    """Sums over pixels and channels ``[N]`` of squared differences of uint8 images, exact."""
    difference = images.long() - decoded.long()
    return difference.square().flatten(1).sum(dim=1).numpy()


def packed(values: IntArray) -> str:
    """Non-negative integers below 2³² as text."""
    return base64.b64encode(zlib.compress(values.astype("<u4").tobytes(), 9)).decode()


def unpacked(text: str) -> IntArray:
    """What :func:`packed` was given.

    Raises:
        TropnncError: it is something else.
    """
    try:
        return np.frombuffer(zlib.decompress(base64.b64decode(text)), "<u4").astype(np.int64)
    except (ValueError, zlib.error) as error:
        raise TropnncError(f"damaged: {text[:20]}… holds no numbers of images") from error


def _sizes(coded: Coded, images: Tensor) -> dict[str, Any]:
    channels, height, width = images.shape[1:]
    return {
        "pixels": height * width,
        "channels": channels,
        "files": len(coded.sizes),
        "payload_bytes": int(coded.sizes.sum()),
        "shared_bytes": coded.shared,
        "sizes": packed(coded.sizes),
        "squared_errors": packed(squared_errors(images, coded.images)),
    }
