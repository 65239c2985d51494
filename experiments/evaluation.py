"""Evaluation in integers."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from experiments.logits import hits, hits_among
from experiments.processes import ALONE, Processes, share
from tropnnc.errors import TropnncError

# Pixel values in a batch, whose activations then stay in the cache: 250 images of 1×28×28 (1.4
# times faster than 1,000, the same bits), 63 of 3×32×32 (ResNet-56: 1.2 times faster than 250).
VALUES = 250 * 28 * 28
# Images in a batch at least: of 3×224×224, one at a time takes SqueezeNet 1.3 times as long.
AT_LEAST = 4


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Logits ``[N, classes]`` (or ``[N, 1]``) of a split, and which images are classified right.

    ``top5``: those whose label is among the five largest logits, where that is counted.
    """

    logits: Tensor
    hits: NDArray[np.bool_]
    top5: NDArray[np.bool_] | None = None

    @property
    def correct(self) -> int:
        """Number of images classified correctly."""
        return int(self.hits.sum())

    def record(self) -> dict[str, Any]:
        """``correct``, ``total`` and the bit per image; the same of ``top5`` beside it."""
        record = _counted(self.hits)
        return record if self.top5 is None else {**record, "top5": _counted(self.top5)}


def batch_size(shape: Sequence[int]) -> int:
    """Images of ``shape`` in a batch."""
    return max(AT_LEAST, VALUES // math.prod(shape))


def batches(images: Tensor) -> Sequence[Tensor]:
    """``images [N, C, H, W]`` in batches."""
    return images.split(batch_size(images.shape[1:]))


def laid_out(images: Tensor) -> Tensor:
    """Colour images with the channels last in memory: other kernels, up to twice as fast."""
    if images.shape[1] == 1:
        return images
    return images.contiguous(memory_format=torch.channels_last)


def evaluate(
    model: nn.Module,
    images: Tensor,
    labels: Tensor,
    device: torch.device,
    processes: Processes = ALONE,
) -> Evaluation:
    """Classify normalised ``images [N, C, H, W]``; the model is in evaluation mode already."""
    chunks = batches(images)
    own = chunks[share(len(chunks), processes)]
    return evaluate_batches(model, own, labels, device, processes=processes)


def evaluate_batches(
    model: nn.Module,
    inputs: Iterable[Tensor],
    labels: Tensor,
    device: torch.device,
    top5: bool = False,
    processes: Processes = ALONE,
) -> Evaluation:
    """The same from batches of images, or of whatever ``model`` takes.

    Of several processes each has its share of the batches, in the order of their ranks; all get
    the evaluation of the whole.
    """
    model = model.to(device)
    with torch.inference_mode():
        own = [model(batch.to(device)).float().cpu() for batch in inputs]
        logits = torch.cat(list(chain.from_iterable(processes.gather(own))))
    among = hits_among(logits, labels, 5).numpy() if top5 else None
    return Evaluation(logits, hits(logits, labels).numpy(), among)


def unpack_bits(record: dict[str, Any]) -> NDArray[np.bool_]:
    """The bit per test image of a record made by :meth:`Evaluation.record`."""
    packed = np.frombuffer(base64.b64decode(record["bits"]), dtype=np.uint8)
    return np.unpackbits(packed, count=record["total"]).astype(bool)


def _counted(hit: NDArray[np.bool_]) -> dict[str, Any]:
    """Counts, and the bit per image (base64 of packed bits)."""
    bits = base64.b64encode(np.packbits(hit).tobytes()).decode()
    return {"correct": int(hit.sum()), "total": len(hit), "bits": bits}


def output_error(dense: Tensor, compressed: Tensor) -> float:
    """``‖v − ṽ‖/‖v‖`` (Frobenius, float64) of two sets of logits ``[N, classes]``."""
    difference = torch.linalg.vector_norm(dense.double() - compressed.double())
    return float(difference / torch.linalg.vector_norm(dense.double()))


def resolve_device(name: str) -> torch.device:
    """``auto`` is CUDA where there is one, otherwise the CPU; ``mps`` only where asked for.

    Raises:
        TropnncError: ``cuda`` or ``mps`` where there is none.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = "cuda" if there["cuda"] else "cpu"
    if not there.get(name, True):
        raise TropnncError(f"device = {name}, but there is none here; auto and cpu are accepted")
    return torch.device(name)
