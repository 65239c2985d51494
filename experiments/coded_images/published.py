"""COIN++'s own rate–distortion points (``results/published/coin``), shown beside ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from experiments.report.csv_rows import read_rows


@dataclass(frozen=True)
class PublishedPoint:
    """Payload without shared bytes by cross-entropy, PSNR of pixels that are not rounded."""

    codec: str
    setting: str
    bits_per_pixel: float
    psnr: float
    source: str


def read_published(results: Path, dataset: str) -> list[PublishedPoint]:
    """The points on a data set; none where none were published.

    Raises:
        TropnncError: a file that is not accepted.
    """
    path = results / "published" / "coin" / f"{dataset}.csv"
    return read_rows(path, PublishedPoint) if path.exists() else []
