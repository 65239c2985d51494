"""Fine-tuning that learns the outputs of the dense network instead of labels (theory.md 5.2).

On images made from the weights no image is seen (data-free distillation: Lopes et al. 2017; on
images matched to batch norms: DeepInversion, Yin et al. 2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from experiments.bench import Bench
from experiments.data import Examples, Split, pixels_of
from experiments.training_settings import Distillation
from tropnnc.imagination.moments import BatchNorm

# Bumped by hand whenever the same settings give other weights.
DISTILLATION_VERSION = 1

TEMPERATURE = 3.0


@dataclass(frozen=True, eq=False)
class Imitation:
    """Divergence from the dense network's softened outputs (Hinton et al. 2015), on mixed images.

    ``T²·KL(softmax(teacher/T) ‖ softmax(student/T))`` at T = 3. Every batch is mixed with itself in
    another order, ``λ x + (1 − λ) x'`` with one λ uniform in [0, 1] (mixup, Zhang et al. 2018). The
    student's batch norms keep their statistics and learn scale and shift.

    Attributes:
        teacher: the dense network in evaluation mode; it is not modified.
        order: from which λ and the other order are drawn.
    """

    teacher: nn.Module
    order: torch.Generator

    def begin(self, model: nn.Module) -> None:
        """Training mode, batch norms aside."""
        model.train()
        for module in model.modules():
            if isinstance(module, BatchNorm):
                module.eval()

    def inputs(self, images: Tensor) -> Tensor:
        """``images`` mixed with each other."""
        other = images[torch.randperm(len(images), generator=self.order)]
        return other.lerp(images, torch.rand(1, generator=self.order).item())

    def loss(self, logits: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        """Of ``logits [b, classes]``; the labels say nothing."""
        with torch.no_grad():
            wanted = _softened(self.teacher(inputs).float())
        divergence = F.kl_div(_softened(logits), wanted, reduction="batchmean", log_target=True)
        return TEMPERATURE**2 * divergence


def _softened(logits: Tensor) -> Tensor:
    """Logarithms of the softened probabilities; a single logit is that of class 1 against 0."""
    if logits.shape[1] == 1:
        logits = F.pad(logits, (1, 0))
    return F.log_softmax(logits / TEMPERATURE, dim=1)


def examples_of(
    distillation: Distillation, bench: Bench, synthetic: Tensor | None, seed: int
) -> Examples:
    """What the dense network is imitated on, their labels not to be looked at.

    Args:
        distillation: where the images come from, and how many.
        bench: of the dense network.
        synthetic: images made from its weights, as the network sees them, if it is on those.
        seed: of the choice of training images; they are those that calibrations see.
    """
    if synthetic is None:
        return bench.training_images(distillation.count, seed)
    labels = torch.zeros(len(synthetic), dtype=torch.int64)
    return Split(pixels_of(synthetic, bench.settings), labels)
