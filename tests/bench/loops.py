"""What the harness is measured against: the same work with nothing around it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from experiments.evaluation import batches


def bare_loop(model: nn.Module, images: Tensor, labels: Tensor) -> int:
    """Number of ``images [N, C, H, W]`` classified as ``labels [N]`` say, in the harness's batches.

    Of the same size, so that a ratio of times is what the harness adds and no effect of the cache;
    neither logits nor the bit per image are kept.
    """
    correct = 0
    with torch.inference_mode():
        parts = batches(images)
        for batch, truth in zip(parts, labels.split(len(parts[0])), strict=True):
            correct += int((model(batch).argmax(dim=1) == truth).sum())
    return correct
