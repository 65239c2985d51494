"""Tables of bound against truth: how loose, and whether bounds order methods as errors do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median

import pandas as pd

from experiments.geometry.order import lower_share, rank_correlation
from experiments.geometry.rows import NETWORK, BoundRow, bound_rows
from experiments.geometry.scatter import draw
from experiments.geometry.table import signed, write_table
from experiments.report.statistics import Sample
from experiments.report.style import save
from experiments.report.summary import TIERS

LOOSENESS = (
    "Bound over the largest error seen on {images} test images, median over ratios and dense"
    " networks, every unit compressed alone. ℓ2: the certified bound at the radius of the unit's"
    " input; network: the certificate and the logits. (B1): the interval of the Hausdorff bound and"
    " the ℓ1 error; there is none behind a max-pool."
)
ORDER = (
    "Left: in how many (ratio, dense network) TropNNC is below Misiakos on the same clusters: its"
    " ℓ2 bound; its (B1) bound for certain, the one interval below the other; its largest error"
    " seen. Right: Spearman correlation of bound and error across {methods} methods within a unit,"
    " ratio and dense network, mean ± sd over {seeds} dense networks."
)


def write_bounds(experiment: str, results: Path) -> tuple[str, list[Path]]:
    """CSV, two tables and the figure of ``experiment``; the tables as text, the figure's paths."""
    rows = bound_rows(experiment, results)
    stem = results / "tables" / experiment
    loose = LOOSENESS.format(images=f"{max(row.images for row in rows):,}")
    counts = {key: len({getattr(row, key) for row in rows}) for key in ("method", "seed")}
    order = ORDER.format(methods=counts["method"], seeds=counts["seed"])
    texts = [
        write_table(looseness(rows), 2, loose, stem.with_name(f"{experiment}_looseness")),
        write_table(ordering(rows), 2, order, stem.with_name(f"{experiment}_order")),
    ]
    figure = draw([row for row in rows if row.unit != NETWORK])
    return "\n\n".join(texts), list(save(figure, results / "figures" / f"{experiment}_scatter"))


def looseness(rows: Sequence[BoundRow]) -> pd.DataFrame:
    """A line per network and unit, a column per method."""
    methods = sorted({(TIERS.index(row.needs), row.method) for row in rows})
    lines = []
    for arch, unit in _places(rows):
        own = [row for row in rows if (row.arch, row.unit) == (arch, unit)]
        by_method = {name: [row for row in own if row.method == name] for _, name in methods}
        names = {"network": arch, "unit": "" if unit == NETWORK else unit}
        euclidean = {name: _factor(cells) for name, cells in by_method.items()}
        lines.append(names | {"bound": "certificate" if unit == NETWORK else "ℓ2"} | euclidean)
        if own[0].b1_upper is not None:
            absolute = {name: _factor_b1(cells) for name, cells in by_method.items()}
            lines.append(names | {"bound": "(B1)"} | absolute)
    return pd.DataFrame(lines)


def ordering(rows: Sequence[BoundRow]) -> pd.DataFrame:
    """A line per network and unit."""
    lines = []
    for arch, unit in _places(rows):
        own = [row for row in rows if (row.arch, row.unit) == (arch, unit)]
        bound = lower_share(own, lambda row: row.bound, lambda row: row.bound)
        certain = lower_share(own, lambda row: row.b1_upper, lambda row: row.b1_lower)
        error = lower_share(own, lambda row: row.largest_l2, lambda row: row.largest_l2)
        largest = rank_correlation(own, lambda row: row.bound, lambda row: row.largest_l2)
        mean = rank_correlation(own, lambda row: row.bound, lambda row: row.mean_l2)
        by_b1 = rank_correlation(own, lambda row: row.b1_upper, lambda row: row.largest_l1)
        lines.append(
            {
                "network": arch,
                "unit": "" if unit == NETWORK else unit,
                "ℓ2 bound below": bound.text,
                "(B1) below": certain.text,
                "error below": error.text,
                "ℓ2 bound, largest error": _coefficient(largest),
                "ℓ2 bound, mean error": _coefficient(mean),
                "(B1), largest error": _coefficient(by_b1),
            }
        )
    return pd.DataFrame(lines)


def _places(rows: Iterable[BoundRow]) -> list[tuple[str, str]]:
    """Networks and units by name, the whole network last."""
    found = {(row.arch, row.unit) for row in rows}
    return sorted(found, key=lambda place: (place[0], place[1] == NETWORK, place[1]))


def _factor(cells: Iterable[BoundRow]) -> str:
    return f"{median(row.bound / row.largest_l2 for row in cells):,.0f}"


def _factor_b1(cells: Sequence[BoundRow]) -> str:
    low = median((row.b1_lower or 0) / (row.largest_l1 or 1) for row in cells)
    high = median((row.b1_upper or 0) / (row.largest_l1 or 1) for row in cells)
    return f"{low:,.0f}–{high:,.0f}"


def _coefficient(found: Sample | None) -> str:
    return "–" if found is None else signed(found, 2)
