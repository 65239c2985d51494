"""The paper's own points, read off its figure (``results/published/ntk_lc.csv``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.check.figures import read_figures
from experiments.ntk.settings import Method
from tropnnc.errors import TropnncError

DATASETS = {"mnist": "mnist", "cifar10 (VGG-19 features)": "cifar10_features"}
# The curve of ours that each of theirs belongs to: method and sparsity.
CURVES: dict[str, tuple[Method, float]] = {
    "original": ("original", 0.0),
    "NTK-LC eps=0": ("ntk_lc", 0.0),
    "NTK-LC eps=.5": ("ntk_lc", 0.5),
    "NTK-LC eps=.9": ("ntk_lc", 0.9),
    "ternary weights with ReLU": ("ternary_relu", 0.9),
    "random zeroing": ("zeroing", 0.8),
    "magnitude pruning": ("magnitude", 0.9),
    "naive binary activation": ("naive_binary", 0.0),
}


@dataclass(frozen=True)
class PublishedPoint:
    """Top-1 in percent at so many bits of hidden weights."""

    data: str
    method: str
    widths: str
    bits: float
    accuracy: float

    @property
    def curve(self) -> tuple[Method, float]:
        """Ours of the same kind: method and sparsity."""
        return CURVES[self.method]


def read_published(results: Path) -> list[PublishedPoint]:
    """All points.

    Raises:
        TropnncError: a file or an entry that is not accepted.
    """
    path = results / "published" / "ntk_lc.csv"
    points = []
    for figure in read_figures(path):
        bits, _, rest = figure.counted.partition(" ")
        known = figure.dataset in DATASETS and figure.method in CURVES
        if not known or not rest.startswith("bits"):
            raise TropnncError(
                f"{path}: {figure.label}: accepted are data sets {', '.join(DATASETS)}, methods"
                f" {', '.join(CURVES)}, and `N bits`"
            )
        points.append(
            PublishedPoint(
                DATASETS[figure.dataset], figure.method, figure.network, float(bits), figure.value
            )
        )
    return points
