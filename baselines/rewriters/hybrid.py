"""The hybrid of Wu et al.: hierarchical Tucker for matrices, tensor train for kernels."""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import nn

from baselines.rewriters.hierarchical_tucker import HierarchicalTucker
from baselines.rewriters.protocol import Budget, Layer, Rewritten
from baselines.rewriters.tensor_train import TensorTrain
from tropnnc.errors import TropnncError


@dataclass(frozen=True)
class Hybrid:
    """Each kind of layer in the format that the paper's abstract says is better on it.

    Attributes:
        matrices: of a Linear.
        kernels: of a Conv2d; by default the chain of four convolutions.
    """

    matrices: HierarchicalTucker = field(default_factory=HierarchicalTucker)
    kernels: TensorTrain = field(default_factory=TensorTrain)
    version = 1

    def __post_init__(self) -> None:
        for option, kind in (("matrices", HierarchicalTucker), ("kernels", TensorTrain)):
            if not isinstance(given := getattr(self, option), kind):
                raise TropnncError(f"{option} = {given} is not accepted, a {kind.__name__} is")

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """The layer in at most ``budget`` parameters.

        Raises:
            UnsupportedLayer: as of the two formats.
        """
        format = self.matrices if isinstance(layer, nn.Linear) else self.kernels
        return format.rewrite(layer, budget)
