"""What determines a cell of the relatives: a network and what is done to it, in this order."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from baselines.rewriters.protocol import Bits, Pattern
from experiments.settings import Component, plain
from tropnnc.errors import TropnncError, check_choice

SCOPES = ("layer", "unified", "network")
LAYERS = ("inner", "all")


@dataclass(frozen=True)
class Keep:
    """A rewritten layer holds at most this share of the words of its weight."""

    share: float

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise TropnncError(f"keep = {self.share:g} is not accepted; 0 < keep ≤ 1 is")


Budget = Keep | Pattern | Bits


@dataclass(frozen=True)
class Narrowing:
    """Neurons removed first, by a width method of the suite."""

    method: Component
    ratio: float
    scope: str = "all"


@dataclass(frozen=True)
class Rewriting:
    """Layers in another format, those that it is defined for.

    ``layers``: ``inner`` leaves the first convolution and the read-out as they are, ``all`` none.
    """

    rewriter: Component
    budget: Budget
    layers: str = "inner"

    def __post_init__(self) -> None:
        check_choice("layers", self.layers, LAYERS)


@dataclass(frozen=True)
class Sharing:
    """Weights pruned by magnitude, the rest replaced by few values.

    Attributes:
        percentile: of the magnitudes of a layer, at and below which weights are pruned; 0: none.
        quantiser: that chooses the shared values; None: they stay as they are.
        values: how many.
        scope: of one codebook: a ``layer``, all layers of a kind (``unified``) or the ``network``.
    """

    percentile: float
    quantiser: Component | None = None
    values: int = 0
    scope: str = "layer"

    @property
    def codebook(self) -> str:
        """The sharing in a few words."""
        if self.quantiser is None:
            return ""
        return f"{spelt(self.quantiser)} {self.values} {self.scope}"

    def __post_init__(self) -> None:
        check_choice("codebook", self.scope, SCOPES)
        if not 0 <= self.percentile < 100:
            raise TropnncError(
                f"prune = {self.percentile:g} is not accepted; 0 ≤ prune < 100 (percent) is"
            )


@dataclass(frozen=True)
class Cell:
    """One network and what is done to it.

    Attributes:
        network: name in ``networks`` of the configuration.
        seed: of the dense training.
        narrowing: first, if at all; ``rewriting``, ``sharing`` and ``half`` (matrices and kernels
            rounded to float16) follow in this order.
        scratch: train the narrowed network from random weights by the recipe of the dense one.
        steps: of training after everything, the same for all; 0: none. ``rate``: of learning.
        draw: of the training and of everything drawn.
        test_images: so many, evenly spaced; 0: all.
        recalibration_images: on which batch norms are taken anew, in a section of its own; 0: none.
    """

    network: str
    seed: int = 0
    narrowing: Narrowing | None = None
    rewriting: Rewriting | None = None
    sharing: Sharing | None = None
    half: bool = False
    scratch: bool = False
    steps: int = 0
    rate: float = 0.001
    draw: int = 0
    test_images: int = 0
    recalibration_images: int = 0

    def __post_init__(self) -> None:
        if self.scratch and (self.narrowing is None or self.rewriting or self.sharing):
            raise TropnncError("scratch is accepted with a width alone: a dense network, smaller")

    @property
    def label(self) -> str:
        """The cell in one line."""
        parts = [self.width, self.format, self.shared, "float16" if self.half else ""]
        trained = f"{self.steps} steps" if self.steps else ""
        done = [part for part in (*parts, trained) if part]
        again = f" draw={self.draw}" if self.draw else ""
        return f"{self.network} {', '.join(done) or 'dense'}{again}"

    @property
    def width(self) -> str:
        """The narrowing in a few words."""
        if self.narrowing is None:
            return ""
        how = "from scratch" if self.scratch else spelt(self.narrowing.method)
        return f"{how} {self.narrowing.ratio:g}"

    @property
    def format(self) -> str:
        """Rewriter and budget."""
        if self.rewriting is None:
            return ""
        return f"{spelt(self.rewriting.rewriter)} {spelt_budget(self.rewriting.budget)}"

    @property
    def shared(self) -> str:
        """Pruning and sharing."""
        own = self.sharing
        if own is None:
            return ""
        pruned = [f"{own.percentile:g} % pruned"] if own.percentile else []
        return ", ".join([*pruned, *([own.codebook] if own.codebook else [])])

    def prepared(self) -> Cell:
        """Everything before the training: what cells that differ in that alone share."""
        return replace(self, steps=0, rate=0.0, test_images=0, recalibration_images=0)

    def determinants(self) -> dict[str, Any]:
        """What enters its identity, as plain JSON values; what is off is left out."""
        items = asdict(self).items()
        off = {**asdict(Cell(self.network)), "network": None}
        return {key: plain(value) for key, value in items if value != off[key]}


def spelt(component: Component) -> str:
    """``name(option=value)``."""
    options = ",".join(f"{key}={value}" for key, value in component.options)
    return f"{component.name}({options})" if options else component.name


def spelt_budget(budget: Budget) -> str:
    """``keep 0.5``, ``2:4`` or ``4 bits``."""
    if isinstance(budget, Keep):
        return f"keep {budget.share:g}"
    if isinstance(budget, Pattern):
        return f"{budget.kept}:{budget.group}"
    return f"{budget.width} bits"
