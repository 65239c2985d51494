"""The nonlinear tensor ring: an activation between the cores, relatives.md B.3."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from torch import nn

from baselines.rewriters.annealing import ACTS, Act, Activation
from baselines.rewriters.execution import stored
from baselines.rewriters.protocol import Budget, Layer, Rewritten
from baselines.rewriters.ring_layers import executed_ring
from baselines.rewriters.tensor_ring import TensorRing
from tropnnc.errors import TropnncError, check_choice

Place = Literal["in", "kernel", "both"]


@dataclass(frozen=True)
class NonlinearRing:
    """A split ring with activations inside; of use with training only.

    Where the paper has them, and which, was not to be seen. The error in the facts is the linear
    ring's, which training starts from.

    Attributes:
        nl_at: ``in``, behind the input's cores; ``kernel``, behind a convolution's kernel core;
            or ``both``. A Linear has the first place only.
        act: ``relu``, ``tanh``, ``leaky`` or ``identity``, which is the linear ring bit for bit.
        anneal: start linear; :func:`baselines.rewriters.annealing.anneal` bends it (ours).
        ring: the linear ring.
    """

    nl_at: Place = "both"
    act: Act = "relu"
    anneal: bool = False
    ring: TensorRing = field(default_factory=TensorRing)
    version = 1

    def __post_init__(self) -> None:
        check_choice("nl_at", self.nl_at, ("in", "kernel", "both"))
        check_choice("act", self.act, tuple(ACTS))
        if not isinstance(self.ring, TensorRing):
            raise TropnncError(f"ring = {self.ring} is not accepted, a TensorRing is")
        if self.ring.order != "split":
            raise TropnncError("a merged ring has no place for an activation, accepted is split")

    def rewrite(self, layer: Layer, budget: Budget) -> Rewritten:
        """The ring of ``layer`` in at most ``budget`` parameters, bent.

        Raises:
            UnsupportedLayer: as of :class:`TensorRing`.
        """
        cores, facts = self.ring.cores(layer, budget)
        module = executed_ring(layer, cores, self._placed("in"), self._placed("kernel"))
        bent = {"nl_at": self.nl_at, "act": self.act, "anneal": self.anneal}
        return stored(layer, module, **facts, **bent)

    def _placed(self, place: str) -> nn.Module | None:
        if self.nl_at not in (place, "both") or self.act == "identity":
            return None
        return Activation(self.act, self.anneal)
