"""What logits mean: a column for each class, or a single one that is positive for class 1."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tropnnc.errors import TropnncError


def hits(logits: Tensor, labels: Tensor) -> Tensor:
    """Which of ``logits [N, classes]`` or ``[N, 1]`` name the class of ``labels [N]``, bool.

    Raises:
        TropnncError: one logit, more than two classes.
    """
    if _is_binary(logits, labels):
        return (logits[:, 0] > 0) == labels
    return logits.argmax(dim=1) == labels


def hits_among(logits: Tensor, labels: Tensor, count: int) -> Tensor:
    """For which of ``logits [N, classes]`` the label's is among the ``count`` largest, bool.

    Of equal ones the first count as larger, as in :func:`hits`; NaN names no class.
    """
    own = logits.gather(1, labels[:, None])
    classes = torch.arange(logits.shape[1])
    ahead = ~(logits <= own) | ((logits == own) & (classes < labels[:, None]))
    return ahead.sum(dim=1) < count


def classification_loss(
    logits: Tensor, labels: Tensor, label_smoothing: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """Cross-entropy of ``logits [b, classes]``; of one logit ``[b, 1]`` the binary one.

    Raises:
        TropnncError: one logit, and more than two classes or labels to be smoothed.
    """
    if not _is_binary(logits, labels):
        return F.cross_entropy(logits, labels, label_smoothing=label_smoothing, reduction=reduction)
    if label_smoothing != 0:
        raise TropnncError(
            f"label_smoothing = {label_smoothing:g} is not accepted with one logit; 0 is"
        )
    return F.binary_cross_entropy_with_logits(
        logits[:, 0], labels.to(logits.dtype), reduction=reduction
    )


def _is_binary(logits: Tensor, labels: Tensor) -> bool:
    if logits.shape[1] > 1:
        return False
    if labels.max() > 1:
        raise TropnncError(
            f"a network with one logit tells two classes apart; a label here is {labels.max()}"
        )
    return True
