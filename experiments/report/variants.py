"""Names of methods in a table: the method, and the settings in which its rows differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from experiments.report.options import parse_options, with_options
from experiments.report.statistics import grouped
from experiments.report.summary import SummaryRow, parse_settings

# Panels are by scope; a rescaled network is another replication, known by its checkpoint, and
# method seeds on one checkpoint are averaged.
_NOT_SHOWN = ("scope", "rescaling", "method_seed")
# Re-calibration has a column of its own: a cell with it is the cell without it, and more.
_OPTIONAL = "recalibrate"
# Fine-tuning that learns no label is named where there is no other, too.
_ALWAYS = "distil"


def variants(rows: Iterable[SummaryRow]) -> dict[str, str]:
    """Name of every row by identity: ``l1``, or ``l1 (bias=True)`` where ``bias`` varies."""
    names: dict[str, str] = {}
    for method, cells in grouped(rows, lambda row: row.method).items():
        settings = _settings(cells)
        keys = dict.fromkeys(key for v in settings.values() for key in v if key not in _NOT_SHOWN)
        varied = [key for key in keys if key == _ALWAYS or _varies(key, settings.values())]
        for identity, values in settings.items():
            shown = ", ".join(f"{key}={values[key]}" for key in varied if key in values)
            names[identity] = f"{method} ({shown})" if shown else method
    return names


def is_rescaled(row: SummaryRow) -> bool:
    """Whether its dense network is a random rescaling of the trained one."""
    return "rescaling" in parse_settings(row.settings)


def _varies(key: str, settings: Iterable[Mapping[str, str]]) -> bool:
    values = {own.get(key) for own in settings}
    return len(values - {None} if key == _OPTIONAL else values) > 1


def _settings(cells: Iterable[SummaryRow]) -> dict[str, dict[str, str]]:
    """Settings by identity, an allocator without the options in which none of its name differ."""
    settings = {cell.identity: parse_settings(cell.settings) for cell in cells}
    short = _shortened({values["allocator"] for values in settings.values()})
    return {
        identity: {**values, "allocator": short[values["allocator"]]}
        for identity, values in settings.items()
    }


def _shortened(allocators: Iterable[str]) -> dict[str, str]:
    parsed = {text: parse_options(text) for text in allocators}
    short: dict[str, str] = {}
    for text, (name, options) in parsed.items():
        alike = [others for own, others in parsed.values() if own == name]
        kept = {k: v for k, v in options.items() if len({o.get(k) for o in alike}) > 1}
        short[text] = with_options(name, kept)
    return short
