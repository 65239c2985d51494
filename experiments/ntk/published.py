"""The paper's own points, read off its figure (``results/published/ntk_lc.csv``)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.check.figures import read_figures
from tropnnc.errors import TropnncError

DATASETS = {"mnist": "mnist", "cifar10 (VGG-19 features)": "cifar10_features"}


@dataclass(frozen=True)
class PublishedPoint:
    """Top-1 in percent at so many bits of hidden weights."""

    data: str
    method: str
    widths: str
    bits: float
    accuracy: float


def read_published(results: Path) -> list[PublishedPoint]:
    """All points.

    Raises:
        TropnncError: a file or an entry that is not accepted.
    """
    path = results / "published" / "ntk_lc.csv"
    points = []
    for figure in read_figures(path):
        bits, _, rest = figure.counted.partition(" ")
        if figure.dataset not in DATASETS or not rest.startswith("bits"):
            raise TropnncError(f"{path}: {figure.label}: a data set and `N bits` are accepted")
        points.append(
            PublishedPoint(
                DATASETS[figure.dataset], figure.method, figure.network, float(bits), figure.value
            )
        )
    return points
