"""Batch-norm statistics taken anew."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

# Bumped by hand whenever the same images give other statistics.
RECALIBRATION_VERSION = 1
# Pixel values that pass through a network at once: 1,365 images of 3×32×32, 27 of 3×224×224.
AT_ONCE = 1 << 22


@dataclass(frozen=True, eq=False)
class Moments:
    """Number of values per channel, their mean and sum of squared deviations, float64."""

    count: int
    mean: Tensor
    squares: Tensor

    def __add__(self, other: Moments) -> Moments:
        """Those of both sets of values together (Chan, Golub and LeVeque, 1979)."""
        count = self.count + other.count
        gap = other.mean - self.mean
        mean = self.mean + gap * (other.count / count)
        between = gap**2 * (self.count * other.count / count)
        return Moments(count, mean, self.squares + other.squares + between)


def recalibrated(model: nn.Module, images: Tensor) -> nn.Module:
    """A copy of ``model`` whose batch norms have the statistics of ``images [N, C, H, W]``.

    Up to ``AT_ONCE`` values pass at once. More pass in batches that differ by one image at most,
    each batch norm normalising by the batch it sees; mean and variance are then pooled in float64,
    the variance between batches included (means over batches would leave that out).
    """
    model = copy.deepcopy(model).eval()
    device = next(model.parameters()).device
    total: dict[_BatchNorm, Moments] = {}
    for batch in images.tensor_split(-(-images.numel() // AT_ONCE)):
        for norm, seen in _moments(model, batch.to(device)).items():
            total[norm] = total[norm] + seen if norm in total else seen
    for norm, moments in total.items():
        norm.get_buffer("running_mean").copy_(moments.mean)
        norm.get_buffer("running_var").copy_(moments.squares / (moments.count - 1))
    return model


def _moments(model: nn.Module, images: Tensor) -> dict[_BatchNorm, Moments]:
    """What every batch norm that ``images`` reach sees of them."""
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm) and m.track_running_stats]
    counts: dict[_BatchNorm, int] = {}

    def count(norm: nn.Module, inputs: tuple[Tensor]) -> None:
        assert isinstance(norm, _BatchNorm)
        counts[norm] = inputs[0].numel() // inputs[0].shape[1]

    with ExitStack() as stack, torch.no_grad():
        for norm in norms:
            stack.callback(norm.register_forward_pre_hook(count).remove)
        stack.enter_context(_statistics_of_the_batch(norms))
        model(images)
    return {norm: _left_in(norm, number) for norm, number in counts.items()}


def _left_in(norm: _BatchNorm, count: int) -> Moments:
    """From mean and unbiased variance of the last batch of ``count`` values."""
    mean, variance = (norm.get_buffer(f"running_{name}").double() for name in ("mean", "var"))
    return Moments(count, mean, variance * (count - 1))


@contextmanager
def _statistics_of_the_batch(norms: Sequence[_BatchNorm]) -> Iterator[None]:
    """Let ``norms`` keep those of the last batch; training later finds its momentum unchanged."""
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    try:
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
            norm.eval()
