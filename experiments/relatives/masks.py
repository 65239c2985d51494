"""How often N:M training changes its masks: SAD, the metric of SR-STE (Zhou et al., 2021).

Σ|E_t − E_{t−1}| over weights and steps, E_t the mask of step t, so that a weight that replaces
another in its group counts twice. The metric is the abstract's, the formula a reconstruction.
"""

from __future__ import annotations

from torch import Tensor, nn

from baselines.rewriters.nm import NmLearner
from experiments.relatives.settings import Cell

# Bumped by hand whenever the same training counts otherwise.
MASKS_VERSION = 1


def has_masks(cell: Cell) -> bool:
    """Whether there is something to count."""
    return bool(cell.steps and cell.rewriting and cell.rewriting.rewriter.name == "nm")


class MaskWatch:
    """Called at every step with the model in training; ``changes`` of entries so far."""

    def __init__(self) -> None:
        self.changes = 0
        self._masks: list[Tensor] | None = None

    def __call__(self, model: nn.Module) -> None:
        """Compare the masks of now with those of the last call."""
        masks = [module.mask() for module in model.modules() if isinstance(module, NmLearner)]
        pairs = zip(masks, self._masks or masks, strict=True)
        self.changes += sum(int((new ^ old).sum()) for new, old in pairs)
        self._masks = masks
