"""Accuracy against the number of real images, and what methods without any are worth in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from experiments.frontier.data_figure import draw
from experiments.frontier.levels import Panel, worth
from experiments.frontier.reading import RECALIBRATED, read_rows, title
from experiments.geometry.table import write_table
from experiments.report.statistics import accuracy, dense_accuracy, grouped, panels
from experiments.report.style import save
from experiments.report.summary import SummaryRow, parse_settings
from tropnnc.unit import Tier

CAPTION = (
    "What a method without an image is worth: the number of unlabelled training images with which"
    " another one first gets as far, interpolated in log(1 + images). Top-1 in % on test images, no"
    " fine-tuning, for this checkpoint."
)


def write_data(results: Path, suffix: str) -> str:
    """Write figure and table of ``frontier_data``; the table as text and the paths."""
    rows = read_rows(results, ["frontier_data"], suffix)
    found = [
        panel(title(place), [row for row in own if row.ratio == ratio])
        for place, own in panels(rows).items()
        for ratio in sorted({row.ratio for row in own}, reverse=True)
    ]
    name = f"frontier_data{suffix}_worth"
    text = write_table(frame(found), 3, CAPTION, results / "tables" / name)
    return "\n".join([text, *map(str, save(draw(found), results / "figures" / name))])


def panel(network: str, rows: Sequence[SummaryRow]) -> Panel:
    """The curves and levels of one network at one ratio.

    A method that is shown images has its own number of them; behind any other the batch norms are
    taken anew on so many, 0 being the method itself.
    """
    curves: dict[str, dict[int, list[SummaryRow]]] = {}
    levels = {}
    for method, cells in grouped(rows, lambda row: row.method).items():
        again = {_setting(row, "recalibrate"): [row] for row in cells}
        if cells[0].tier >= Tier.IMAGES:
            curves[method] = grouped(cells, lambda row: _setting(row, "calibration"))
        elif len(again) > 1:
            curves[f"{method}{RECALIBRATED}"] = again
        else:
            levels[method] = accuracy(cells).mean
    points = {name: _curve(name, own) for name, own in curves.items()}
    return Panel(network, rows[0].ratio, dense_accuracy(rows).mean, points, levels)


def frame(found: Iterable[Panel]) -> pd.DataFrame:
    """A line per network, ratio and method without an image, a column per curve."""
    lines = []
    for own in found:
        for name, level in own.levels.items():
            line = {"network": own.network, "ratio": f"{own.ratio:g}", "method": name}
            line["top-1"] = f"{level:.1f}"
            lines.append(line | {n: worth(curve, level) for n, curve in own.curves.items()})
    return pd.DataFrame(lines)


def _curve(name: str, cells: dict[int, list[SummaryRow]]) -> list[tuple[int, float]]:
    taken_anew = name.endswith(RECALIBRATED)
    return [
        (images, accuracy(own, "recalibrated" if taken_anew and images else "compressed").mean)
        for images, own in sorted(cells.items())
    ]


def _setting(row: SummaryRow, name: str) -> int:
    return int(parse_settings(row.settings).get(name, 0))
