"""How far a method's accuracy moves when the dense network's neurons are rescaled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from experiments.report.statistics import accuracy, grouped, sample
from experiments.report.summary import SummaryRow, read_summary
from experiments.report.variants import is_rescaled, variants

CAPTION = (
    "Top-1 in % by keep ratio on one trained network ({place}) and on {n} random rescalings of its"
    " neurons, which leave its function: the original, mean ± sd over the rescalings, lowest to"
    " highest. A method that followed the function would have no spread; a rescaling also weighs"
    " the rows of the layer that a method looks ahead to, ThiNet included."
)


@dataclass(frozen=True)
class Spread:
    """Top-1 in % of a method at a ratio: on the original network and on its rescalings."""

    method: str
    needs: str
    ratio: float
    original: float
    moved: tuple[float, ...]


def spreads(rows: Sequence[SummaryRow]) -> list[Spread]:
    """By tier and name of the method, then by ratio, the largest first."""
    names = variants(rows)
    cells = grouped(rows, lambda row: (row.tier, names[row.identity], -row.ratio, row.needs))
    found = []
    for (_, name, ratio, needs), own in sorted(cells.items()):
        moved = [row for row in own if is_rescaled(row)]
        original = accuracy([row for row in own if not is_rescaled(row)]).mean
        tops = tuple(100 * row.correct / row.total for row in moved)
        found.append(Spread(name, needs, -ratio, original, tops))
    return found


def frame(found: Sequence[Spread]) -> pd.DataFrame:
    """A line per method; for every ratio original, mean ± sd, range."""
    lines: dict[str, dict[str, str]] = {}
    for spread in found:
        line = lines.setdefault(spread.method, {"method": spread.method, "needs": spread.needs})
        line[f"{spread.ratio:g} original"] = f"{spread.original:.1f}"
        line[f"{spread.ratio:g} rescaled"] = sample(spread.moved).text
        line[f"{spread.ratio:g} range"] = f"{min(spread.moved):.1f}–{max(spread.moved):.1f}"
    return pd.DataFrame(list(lines.values()))


def read_spreads(experiment: str, results: Path) -> tuple[str, list[Spread]]:
    """The table's caption and what it shows."""
    path = results / "summary" / f"{experiment}.csv"
    rows = [row for row in read_summary(path) if row.status == "done"]
    place = f"{rows[0].dataset}, {rows[0].arch}"
    networks = len({row.checkpoint for row in rows})
    return CAPTION.format(place=place, n=networks - 1), spreads(rows)
