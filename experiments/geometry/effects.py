"""Which choice matters: the main effect of every option of an ablation, from its summary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from pathlib import Path

import pandas as pd

from experiments.geometry.table import networks, signed, write_table
from experiments.report.contrasts import Pair, pairs, per_network
from experiments.report.statistics import Place, panels
from experiments.report.summary import SummaryRow, parse_settings, read_summary
from tropnnc.merging import Merging

# TropNNC as its paper's abstract has it; every other choice is compared with it.
BASE = {field.name: str(field.default) for field in fields(Merging)} | {"order": Merging.order}
CAPTION = (
    "Main effect of each choice: mean difference from TropNNC's own choice over all pairs of cells"
    " that agree in everything else, in points of top-1 and in log10 of the relative output error"
    " (below 0 is better), ± sd over n = {networks} dense networks; the largest first."
)


def choices(rows: Iterable[SummaryRow]) -> dict[str, list[str]]:
    """Values other than the base's, by option, of the options that vary."""
    settings = [parse_settings(row.settings) for row in rows]
    found = {
        option: dict.fromkeys(s.get(option, BASE[option]) for s in settings) for option in BASE
    }
    return {
        option: [value for value in values if value != BASE[option]]
        for option, values in found.items()
        if len(values) > 1 and BASE[option] in values
    }


def lines(place: Place, rows: Sequence[SummaryRow]) -> list[dict[str, str]]:
    """A line per choice on one network, the largest effect on accuracy first."""
    ratios = sorted({row.ratio for row in rows}, reverse=True)
    found = [
        _line(place, option, value, pairs(rows, option, value, BASE[option]), ratios)
        for option, values in choices(rows).items()
        for value in values
    ]
    return [line for _, line in sorted(found, key=lambda item: -item[0])]


def write_effects(experiment: str, results: Path) -> str:
    """Write ``results/tables/EXPERIMENT_effects`` from the summary; returns its text."""
    places = panels(read_summary(results / "summary" / f"{experiment}.csv"))
    frame = pd.DataFrame([line for place, rows in places.items() for line in lines(place, rows)])
    caption = CAPTION.format(networks=networks(places))
    return write_table(frame, 3, caption, results / "tables" / f"{experiment}_effects")


def _line(
    place: Place, option: str, value: str, own: Sequence[Pair], ratios: Iterable[float]
) -> tuple[float, dict[str, str]]:
    """The size of the effect, and its line."""
    overall, error = per_network(own), per_network(own, error=True)
    line = {"network": place.title, "option": option, "choice": f"{value}, not {BASE[option]}"}
    line["Δ top-1"] = overall.signed
    for ratio in ratios:
        line[f"at {ratio:g}"] = per_network(pair for pair in own if pair.ratio == ratio).signed
    line["Δ log10 error"] = signed(error, 3)
    line["pairs"] = str(len(own))
    return abs(overall.mean), line
