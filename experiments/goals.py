"""What a training minimises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor, nn

from experiments.logits import classification_loss


class Goal(Protocol):
    """A loss, what the network is shown for it, and in which modes its modules are."""

    def begin(self, model: nn.Module) -> None:
        """Set the modes of ``model`` for an epoch."""
        ...

    def inputs(self, images: Tensor) -> Tensor:
        """What the network is shown of a batch of normalised ``images``."""
        ...

    def loss(self, logits: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        """Of ``logits [b, classes]`` float32 for ``inputs``; the mean over the batch."""
        ...


@dataclass(frozen=True)
class Labels:
    """Cross-entropy to the labels.

    Attributes:
        smoothing: of the labels.
    """

    smoothing: float

    def begin(self, model: nn.Module) -> None:
        """Training mode."""
        model.train()

    def inputs(self, images: Tensor) -> Tensor:
        """The images as they are."""
        return images

    def loss(self, logits: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        """See :func:`classification_loss`."""
        return classification_loss(logits, labels, self.smoothing)
