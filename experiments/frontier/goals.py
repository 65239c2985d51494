"""The goals on ResNet-56: floors that a prototype reached, goals, and what was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from experiments.frontier.reading import read_rows
from experiments.geometry.table import write_table
from experiments.report.paired import Z
from experiments.report.summary import SummaryRow, parse_settings
from tropnnc.errors import TropnncError

CAPTION = (
    "ResNet-56 (development network), uniform widths, no fine-tuning, no re-calibration:"
    " top-1 in % of {images} test images (dense {dense:.2f}); 95 % interval (Wilson) for this"
    " checkpoint."
)


@dataclass(frozen=True)
class Goal:
    """A tier's method, its floors (a prototype reached them) and goals, by keep ratio."""

    tier: str
    method: str
    floors: Mapping[float, float]
    goals: Mapping[float, float]


GOALS = (
    Goal("statistics, closed form", "gaussian_ls", {0.5: 76, 0.25: 31}, {0.5: 82, 0.25: 45}),
    Goal("statistics, images made", "synthetic_ls", {0.5: 89, 0.25: 73}, {0.5: 90.5, 0.25: 78}),
    Goal("1,024 unlabelled images", "sequential_ls", {0.5: 89.5, 0.25: 78}, {0.5: 91, 0.25: 82}),
)
# What a row has besides, where its method has the option.
AS_STATED = {"allocator": "uniform", "inputs": "statistics", "front_end": "greedy"}


def write_goals(results: Path, suffix: str) -> str:
    """Write the table ``frontier_goals`` from the summary; returns its text."""
    rows = read_rows(results, ["frontier_resnet56"], suffix)
    caption = CAPTION.format(
        images=f"{rows[0].total:,}", dense=100 * rows[0].dense_correct / rows[0].total
    )
    return write_table(frame(rows), 2, caption, results / "tables" / f"frontier_goals{suffix}")


def frame(rows: Sequence[SummaryRow]) -> pd.DataFrame:
    """A line per tier and ratio; a dash where the cell is missing."""
    lines = []
    for goal in GOALS:
        for ratio, floor in goal.floors.items():
            line = {"needs": goal.tier, "method": goal.method, "ratio": f"{ratio:g}"}
            line |= {"floor": f"{floor:g}", "goal": f"{goal.goals[ratio]:g}"}
            lines.append(line | _measured(_row(rows, goal.method, ratio), floor, goal.goals[ratio]))
    return pd.DataFrame(lines)


def wilson(correct: int, total: int) -> tuple[float, float]:
    """95 % interval of a share, in percent (Wilson 1927)."""
    share, spread = correct / total, Z**2 / total
    centre = share + spread / 2
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4)
    return 100 * (centre - half) / (1 + spread), 100 * (centre + half) / (1 + spread)


def _row(rows: Sequence[SummaryRow], method: str, ratio: float) -> SummaryRow | None:
    own = [row for row in rows if (row.method, row.ratio) == (method, ratio) and _is_stated(row)]
    if len(own) > 1:
        raise TropnncError(f"{len(own)} cells of {method} at {ratio:g}; one is accepted")
    return own[0] if own else None


def _is_stated(row: SummaryRow) -> bool:
    settings = parse_settings(row.settings)
    return "method_seed" not in settings and all(
        settings.get(name, value) == value for name, value in AS_STATED.items()
    )


def _measured(row: SummaryRow | None, floor: float, goal: float) -> dict[str, str]:
    if row is None:
        return dict.fromkeys(("top-1", "interval", "reached"), "–")
    value = 100 * row.correct / row.total
    low, high = wilson(row.correct, row.total)
    reached = "goal" if value >= goal else "floor" if value >= floor else "neither"
    return {"top-1": f"{value:.2f}", "interval": f"{low:.2f}–{high:.2f}", "reached": reached}
