"""Accuracy against seconds spent, the making of images included."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from experiments.frontier.reading import read_rows, title
from experiments.frontier.seconds_figure import draw
from experiments.frontier.spent import Spent
from experiments.geometry.table import write_table
from experiments.report.statistics import Place, grouped, panels
from experiments.report.style import save
from experiments.report.summary import SummaryRow, parse_settings
from experiments.report.variants import variants

SWEPT = "frontier_seconds"
BESIDE = ("frontier_vgg", "frontier_resnet20_trained")
CAPTION = (
    "Wall-clock seconds of a compression and of the making of its images, which cells on a network"
    " share (each answers for all of it), beside top-1 in %, no fine-tuning, for this checkpoint."
    " One core, beside a second process: for orders of magnitude."
)


def write_seconds(results: Path, suffix: str) -> str:
    """Write figure and table of ``frontier_seconds``; the table as text and the paths."""
    swept = read_rows(results, [SWEPT], suffix)
    identities = {row.identity for row in swept}
    networks = {(row.checkpoint, row.scope, row.ratio) for row in swept}
    beside = [
        row
        for row in read_rows(results, [SWEPT, *BESIDE], suffix)
        if row.identity not in identities
        and (row.checkpoint, row.scope, row.ratio) in networks
        and "method_seed" not in parse_settings(row.settings)
    ]
    found = [
        *(one for place, rows in panels(swept).items() for one in _swept(place, rows)),
        *(one for place, rows in panels(beside).items() for one in _beside(place, rows)),
    ]
    name = f"frontier_seconds{suffix}_spent"
    text = write_table(frame(found), 3, CAPTION, results / "tables" / name)
    return "\n".join([text, *map(str, save(draw(found), results / "figures" / name))])


def frame(found: Sequence[Spent]) -> pd.DataFrame:
    """A line per network, ratio and method, the quickest first."""
    ordered = sorted(found, key=lambda one: (one.network, -one.ratio, one.seconds))
    return pd.DataFrame(
        {
            "network": one.network,
            "ratio": f"{one.ratio:g}",
            "method": one.name,
            "making (s)": "–" if one.making is None else f"{one.making:.0f}",
            "compressing (s)": f"{one.compressing:.1f}",
            "all (s)": f"{one.seconds:.1f}",
            "top-1": f"{one.accuracy:.1f}",
        }
        for one in ordered
    )


def _swept(place: Place, rows: Sequence[SummaryRow]) -> list[Spent]:
    found = []
    for row in rows:
        settings = parse_settings(row.settings)
        count, steps = int(settings["count"]), int(settings["steps"])
        name = f"{row.method} ({count:,} images, {steps} steps)"
        found.append(_spent(place, row, name, (count, steps)))
    return found


def _beside(place: Place, rows: Sequence[SummaryRow]) -> list[Spent]:
    names = variants(rows)
    cells = grouped(rows, lambda row: (row.ratio, names[row.identity]))
    return [_spent(place, own[0], name, None) for (_, name), own in cells.items()]


def _spent(place: Place, row: SummaryRow, name: str, axes: tuple[int, int] | None) -> Spent:
    accuracy = 100 * row.correct / row.total
    return Spent(
        title(place), row.ratio, name, row.tier, axes,
        row.imagine_seconds, row.compress_seconds, accuracy,
    )  # fmt: skip
