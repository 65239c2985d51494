"""What determines a cell of the NTK-LC experiments."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from tropnnc.errors import TropnncError, check_choice

DataName = Literal["mnist", "mnist_0to4", "mnist_6v8", "cifar10_features", "mixture"]
DATA: tuple[DataName, ...] = ("mnist", "mnist_0to4", "mnist_6v8", "cifar10_features", "mixture")
Method = Literal[
    "original", "ntk_lc", "ternary_relu", "zeroing", "magnitude", "naive_binary", "trained_mlp"
]
METHODS: tuple[Method, ...] = (
    "original", "ntk_lc", "ternary_relu", "zeroing", "magnitude", "naive_binary", "trained_mlp",
)  # fmt: skip
READOUTS = ("ridge", "logistic")


@dataclass(frozen=True)
class AccuracyCell:
    """One network on one data set.

    Attributes:
        data: name of the data set.
        method: which network.
        sparsity: share of zeros; of a trained MLP, that of the NTK-LC whose storage it has.
        widths: of the hidden layers; of a trained MLP, those of that NTK-LC.
        draw: of the hidden weights (trained MLP: initialisation and order of the data).
        readout: how it is trained.
        train_images: at most so many.
    """

    data: DataName
    method: Method
    sparsity: float
    widths: tuple[int, ...]
    draw: int
    readout: str
    train_images: int

    def __post_init__(self) -> None:
        check_choice("data", self.data, DATA)
        check_choice("method", self.method, METHODS)
        check_choice("readout", self.readout, READOUTS)
        if not self.widths or min(self.widths) < 1 or self.train_images < 1 or self.draw < 0:
            raise TropnncError(f"{self.label} is not accepted; positive widths and images are")

    @property
    def label(self) -> str:
        """The cell in one line."""
        widths = "×".join(map(str, self.widths))
        return f"{self.data} {self.method} ε={self.sparsity:g} {widths} draw={self.draw}"

    def determinants(self) -> dict[str, Any]:
        """What enters its identity, as plain JSON values."""
        return {"kind": "accuracy", **asdict(self), "widths": list(self.widths)}


@dataclass(frozen=True)
class SpectrumCell:
    """Kernels of ReLU networks and of their NTK-LC on the paper's mixture.

    Attributes:
        n: points.
        dimension: ``p``.
        depth: hidden layers.
        sparsity: of the finite ternary network; infinitely wide ones do not depend on it.
        draw: of points and weights.
        finite: measure networks of widths ``n, …, n, n/2`` too.
        histogram: keep the distributions of all eigenvalues.
    """

    n: int
    dimension: int
    depth: int
    sparsity: float
    draw: int
    finite: bool
    histogram: bool

    @property
    def label(self) -> str:
        """The cell in one line."""
        return f"spectrum n={self.n} p={self.dimension} draw={self.draw}"

    def determinants(self) -> dict[str, Any]:
        """What enters its identity, as plain JSON values."""
        return {"kind": "spectrum", **asdict(self)}


Cell = AccuracyCell | SpectrumCell
