"""Names of methods in a table: the method, and the settings in which its rows differ."""

from __future__ import annotations

from collections.abc import Iterable

from experiments.report.statistics import grouped
from experiments.report.summary import SummaryRow, parse_settings


def variants(rows: Iterable[SummaryRow]) -> dict[str, str]:
    """Name of every row by identity: ``l1``, or ``l1 (bias=True)`` where ``bias`` varies."""
    names: dict[str, str] = {}
    for method, cells in grouped(rows, lambda row: row.method).items():
        settings = {cell.identity: parse_settings(cell.settings) for cell in cells}
        keys = dict.fromkeys(key for v in settings.values() for key in v if key != "scope")
        varied = [key for key in keys if len({v.get(key) for v in settings.values()}) > 1]
        for identity, values in settings.items():
            shown = ", ".join(f"{key}={values[key]}" for key in varied if key in values)
            names[identity] = f"{method} ({shown})" if shown else method
    return names
