"""Which methods go to the networks that cost most: the ranking on validation images."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from experiments.frontier.points import Point, points
from experiments.frontier.reading import read_rows
from experiments.geometry.table import write_table
from experiments.report.statistics import panels, sample
from experiments.report.summary import TIERS

FINALISTS = 3
CAPTION = (
    "Top-1 in % on validation images, mean over networks and keep ratios, by tier; the first"
    f" {FINALISTS} of a tier without re-calibration are finalists (conf/frontier/methods.yaml)."
)


def write_screening(results: Path, suffix: str) -> str:
    """Write ``frontier_screening_ranks`` from the summary; returns its text."""
    places = panels(read_rows(results, ["frontier_screening"], suffix))
    found = frame([points(own) for own in places.values()])
    return write_table(found, 3, CAPTION, results / "tables" / f"frontier_screening{suffix}_ranks")


def frame(networks: Sequence[Iterable[Point]]) -> pd.DataFrame:
    """A line per method that ran everywhere, the best of each tier first."""
    means: dict[tuple[int, str], list[float]] = {}
    for point in (point for own in networks for point in own):
        means.setdefault((point.tier, point.name), []).append(point.accuracy.mean)
    most = max(map(len, means.values()))
    ranked = sorted(
        (tier, -sample(values).mean, name)
        for (tier, name), values in means.items()
        if len(values) == most
    )
    lines, left = [], dict.fromkeys(range(len(TIERS)), FINALISTS)
    for tier, negative, name in ranked:
        chosen = "re-calibration" not in name and left[tier] > 0
        left[tier] -= chosen
        line = {"needs": TIERS[tier], "method": name, "finalist": "yes" if chosen else ""}
        lines.append(line | {"top-1": f"{-negative:.1f}"})
    return pd.DataFrame(lines)
