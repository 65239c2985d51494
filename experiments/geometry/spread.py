"""How far a method's accuracy moves when the dense network's neurons are rescaled."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.geometry.table import write_table
from experiments.report.statistics import accuracy, grouped, sample
from experiments.report.summary import SummaryRow, parse_settings, read_summary
from experiments.report.variants import variants

CAPTION = (
    "Top-1 in % by keep ratio on one trained network ({place}) and on {n} random rescalings of its"
    " neurons, which leave its function: the original, mean ± sd over the rescalings, lowest to"
    " highest. A method that followed the function would have no spread; a rescaling also weighs"
    " the rows of the layer that a method looks ahead to, ThiNet included."
)


def frame(rows: Sequence[SummaryRow]) -> pd.DataFrame:
    """A line per method, by tier and name; for every ratio original, mean ± sd, range."""
    names = variants(rows)
    ratios = sorted({row.ratio for row in rows}, reverse=True)
    by_method = grouped(rows, lambda row: (row.tier, row.needs, names[row.identity]))
    lines = []
    for (_, needs, name), own in sorted(by_method.items()):
        line = {"method": name, "needs": needs}
        for ratio in ratios:
            line |= _at(ratio, [row for row in own if row.ratio == ratio])
        lines.append(line)
    return pd.DataFrame(lines)


def write_spread(experiment: str, results: Path) -> str:
    """Write ``results/tables/EXPERIMENT_spread`` from the summary; returns its text."""
    rows = [
        row
        for row in read_summary(results / "summary" / f"{experiment}.csv")
        if row.status == "done"
    ]
    place = f"{rows[0].dataset}, {rows[0].arch}"
    caption = CAPTION.format(place=place, n=len({row.checkpoint for row in rows}) - 1)
    return write_table(frame(rows), 2, caption, results / "tables" / f"{experiment}_spread")


def _at(ratio: float, rows: Sequence[SummaryRow]) -> dict[str, str]:
    original = [row for row in rows if "rescaling" not in parse_settings(row.settings)]
    moved = [100 * row.correct / row.total for row in rows if row not in original]
    return {
        f"{ratio:g} original": f"{accuracy(original).mean:.1f}",
        f"{ratio:g} rescaled": sample(moved).text,
        f"{ratio:g} range": f"{min(moved):.1f}–{max(moved):.1f}",
    }
